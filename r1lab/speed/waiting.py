"""What a busy neighbour costs, and how threads should wait for each other: asleep or spinning.

Two threads of a product meet at its end. One that spins there holds a core which the other, put
aside by the neighbour, would need; so the package asks for sleep (`OMP_WAIT_POLICY=PASSIVE`).
"""

import os
import statistics
import subprocess
import sys
from contextlib import ExitStack, contextmanager

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
    surroundings = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    with subprocess.Popen(
        [sys.executable, "-m", __name__], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env=surroundings | {"OMP_WAIT_POLICY": policy},
    ) as process:  # fmt: skip

        def ask() -> float:
            process.stdin.write("\n")
            process.stdin.flush()
            return float(process.stdout.readline())

        try:
            ask()  # the first is for warming up
            yield ask
        finally:
            process.terminate()


@contextmanager
def _busy():
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            yield
        finally:
            process.kill()


def main() -> None:
    """A rate for each line that comes in."""
    from r1lab.speed.decoding import SMOLLM2, Shape, sample_seconds, shaped

    model, prompts = shaped(Shape(SMOLLM2, lora=True), SEQUENCES)
    for _ in sys.stdin:
        seconds, tokens = sample_seconds(model, prompts, 8, TOKENS)
        print(tokens / seconds, flush=True)


if __name__ == "__main__":
    main()
