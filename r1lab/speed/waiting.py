"""What a busy neighbour costs, and how threads should wait for each other: asleep or spinning.

Two threads of a product meet at its end. One that spins there holds a core which the other, put
aside by the neighbour, would need; so the package asks for sleep (`OMP_WAIT_POLICY=PASSIVE`). One
thread, which waits for nobody, shows what the neighbour takes by itself.
"""

import os
import statistics
import subprocess
import sys
from contextlib import ExitStack, contextmanager

from r1lab.speed.answering import answering

WAYS = {
    "PASSIVE": {"OMP_WAIT_POLICY": "PASSIVE"}, "ACTIVE": {"OMP_WAIT_POLICY": "ACTIVE"},
    "one": {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "1"},
}  # fmt: skip
SEQUENCES, TOKENS = 64, 8


def found(rounds: int) -> dict[str, dict[str, float]]:
    """Way -> tokens a second of SmolLM2's shape in float32, `alone` and `beside` a process that
    keeps one core busy: on all cores by how threads wait, and on one thread. In turns, medians."""
    with ExitStack() as stack:
        asking = {way: stack.enter_context(_started(way)) for way in WAYS}
        rates = {(way, place): [] for way in WAYS for place in ("alone", "beside")}
        for _ in range(rounds):
            for way, ask in asking.items():
                rates[way, "alone"].append(ask())
            with _busy():
                for way, ask in asking.items():
                    rates[way, "beside"].append(ask())
    return {
        way: {place: statistics.median(rates[way, place]) for place in ("alone", "beside")}
        for way in WAYS
    }


@contextmanager
def _started(way: str):
    """A process that samples in this way; called, it does so once and gives its tokens a second."""
    surroundings = os.environ | WAYS[way]
    if "OMP_NUM_THREADS" not in WAYS[way]:
        surroundings.pop("OMP_NUM_THREADS", None)
    with answering(way, [sys.executable, "-m", __name__], surroundings) as ask:
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
