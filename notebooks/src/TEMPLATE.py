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
import pathlib
import subprocess
import sys

HOME = pathlib.Path("/content/r1lab")  # where Colab keeps its copy
if "google.colab" in sys.modules and not HOME.exists():
    address = "@CLONE@"
    clone = ["git", "clone", "-q", "--depth", "1", address, str(HOME)]
    subprocess.run(clone, check=True)
    pip = [sys.executable, "-m", "pip", "install", "-q", "-r", "requirements.txt"]
    subprocess.run(pip, cwd=HOME, check=True)
for folder in [pathlib.Path.cwd(), *pathlib.Path.cwd().parents, HOME]:
    if (folder / "r1lab" / "losses.py").is_file():
        sys.path.insert(0, str(folder))
        break
import r1lab  # before torch, which then lets idle threads sleep

# %%
import torch

from r1lab import checks, presets

P = presets.pick("auto")

# %% [markdown]
# ## What you can now do
#
# ## What this leaves out
#
# ## References
