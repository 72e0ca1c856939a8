"""Sample completions: the fast way (`Sampler`), and transformers' own (`generate`)."""

from r1lab.sampler.completions import Completions, generate, repeated
from r1lab.sampler.reading import READ
from r1lab.sampler.sampling import CACHE_GIB, Sampler
from r1lab.sampler.steering import keep_thinking

__all__ = ["CACHE_GIB", "READ", "Completions", "Sampler", "generate", "keep_thinking", "repeated"]
