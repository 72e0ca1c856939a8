# %% [markdown]
# # NN · Title of the lesson
# [Open in Colab](@COLAB@) · Paper: report, section · Podcast from minute mm:ss
#
# **Question.** One question this lesson answers?
#
# **You will be able to** 1. do this, 2. write that, 3. say when the other.
#
# **Before this** lesson NN.
#
# **Time** NN min reading and doing; running: @MINUTES@.
#
# **Needs** no GPU, no download.

# %% tags=["setup"]
# @SETUP@

# %%
import torch

from r1lab import checks
from r1lab.machine import presets

P = presets.pick("cpu")

# %% [markdown]
# ## The sentence that stays
#
# **One sentence.**

# %% [markdown]
# ## What you can now do
#
# ## What this leaves out
#
# ## References
