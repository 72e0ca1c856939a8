"""What a busy neighbour costs, and how threads should wait for each other: asleep or spinning.

Two threads of a product meet at its end. One that spins there holds a core which the other, put
aside by the neighbour, would need; so the package asks for sleep (`OMP_WAIT_POLICY=PASSIVE`).
"""

import os
import statistics
import subprocess
import sys
from contextlib import ExitStack, contextmanager

from r1lab.speed.answering import answering

POLICIES = ("PASSIVE", "ACTIVE")
SEQUENCES, TOKENS = 64, 8


def found(rounds: int) -> dict[str, dict[str, float]]:
    """How threads wait -> tokens a second of SmolLM2's shape in float32 on all cores, `alone` and
    `beside` a process that keeps one of them busy. Both ways in turns, medians."""
    with ExitStack() as stack:
        ways = {policy: stack.enter_context(_started(policy)) for policy in POLICIES}
        rates = {(policy, place): [] for policy in POLICIES for place in ("alone", "beside")}
        for _ in range(rounds):
            for policy, ask in ways.items():
                rates[policy, "alone"].append(ask())
            with _busy():
                for policy, ask in ways.items():
                    rates[policy, "beside"].append(ask())
    return {
        policy: {place: statistics.median(rates[policy, place]) for place in ("alone", "beside")}
        for policy in POLICIES
    }


@contextmanager
def _started(policy: str):
    """A process whose threads wait so; called, it samples once and gives its tokens a second."""
    surroundings = os.environ | {"OMP_WAIT_POLICY": policy}
    surroundings.pop("OMP_NUM_THREADS", None)
    with answering(policy, [sys.executable, "-m", __name__], surroundings) as ask:
        yield lambda: float(ask(""))


@contextmanager
def _busy():
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            yield
        finally:
            process.kill()


def main() -> None:
    """A rate for warming up, and one for each line that comes in."""
    from r1lab.speed.decoding import SMOLLM2, Shape, sample_seconds, shaped

    model, prompts = shaped(Shape(SMOLLM2, lora=True), SEQUENCES)

    def say() -> None:
        seconds, tokens = sample_seconds(model, prompts, 8, TOKENS)
        print(tokens / seconds, flush=True)

    say()
    for _ in sys.stdin:
        say()


if __name__ == "__main__":
    main()
