"""r1lab: the experiments behind OpenAI o1, DeepSeek-R1 and Kimi k1.5, on a laptop."""

import os

# Two OpenMP threads that spin while they wait make shared cores 10-40 times slower.
# Only takes effect when r1lab is imported before torch.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
