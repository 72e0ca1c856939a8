"""A decode step as a CUDA graph: hundreds of small kernels start as one.

Its arithmetic is tested on the CPU, without the recording; with it, on a card only
(`tests/test_card.py`).
"""

from functools import partial

import torch

BUCKET = 256  # a step attends over the filled part of the cache, rounded up to so many positions


class Captured:
    """A decode step recorded once for every `bucket` positions and then replayed.

    step(width, token, position, slot) -> logits, of fixed shapes: the slot is a tensor, and the
    step attends over the whole bucket with the slots ahead masked. capacity: slots of the cache.
    graph: makes a replayable function of (function, inputs).
    """

    def __init__(self, step, capacity: int, graph=None, bucket: int = BUCKET):
        self.step, self.capacity, self.graph = step, capacity, graph or CudaGraph
        self.bucket = bucket
        self.made = {}

    def __call__(self, token, position, slot: int):
        width = min(-(-(slot + 1) // self.bucket) * self.bucket, self.capacity)
        inputs = token, position, torch.tensor([slot], device=token.device)
        if width not in self.made:  # the one before is done with
            self.made = {width: self.graph(partial(self.step, width), inputs)}
        return self.made[width](*inputs)


class CudaGraph:
    """`function` recorded for inputs of these shapes; a call copies its inputs in and replays."""

    def __init__(self, function, inputs):
        self.inputs = [x.clone() for x in inputs]
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            function(*self.inputs)  # warm up: libraries choose their kernels outside the recording
        torch.cuda.current_stream().wait_stream(aside)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.output = function(*self.inputs)

    def __call__(self, *inputs):
        for mine, new in zip(self.inputs, inputs, strict=True):
            mine.copy_(new)
        self.graph.replay()
        return self.output
