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

from r1lab import checks, evaluate, experiments, models, plots, records, stats, tasks
from r1lab import widgets
from r1lab.claims import scoreboard
from r1lab.machine import presets

P = presets.pick("cpu")

# %% [markdown]
# ## 1. What the paper says
#
# The paper's equation or table, printed before it is discussed, with a word below each term. A number by hand before the formula. One drawing that carries the idea, made from the numbers (`r1lab/drawings.py`). A word that is new in the course stands in *italics* here, and in `notebooks/GLOSSARY.md`.
#
# ## 2. A forecast from the base
#
# Split the base's own answers by what the lesson is about and compare what they earn, so that the training below can prove the forecast wrong.

# %%
model, tokenizer = models.load("rich")
held_out = tasks.problems("countdown", P.eval_problems, 0, "test")
found = evaluate.answer(
    model, tokenizer, held_out, evaluate.Sampling("tiny", P.max_new, seed=0)
)
low, high = stats.wilson(int(found.correct.sum()), len(held_out))  # one answer each
print(f"right: {found.correct.mean():.1%} [{low:.1%}, {high:.1%}], n = {len(held_out)}")

# %% [markdown]
# ### Exercise NN.1 · code · 8 min · difficulty 2 of 5
# What to write, the form of what goes in and comes out, a case by hand. Its check stands in `r1lab/checks/lesson_NN.py` and names the likely mistakes.


# %%
def my_function(x):
    """x: its shape; returns: its shape."""
    ...  # your code


# %%
checks.check("NN.1", my_function)

# %% [markdown]
# <details><summary>Solution NN.1</summary>
#
# ```python
# def my_function(x):
#     return x
# ```
#
# Why so, and what the usual slip costs.
#
# </details>

# %% [markdown]
# What they wrote is what the lesson goes on with, where it is right.
#
# ### Exercise NN.2 · predict · 3 min · difficulty 1 of 5
# A number that the next figure shows. A guess is kept and drawn, never marked.

# %%
my_guess = ...  # percent

# %%
checks.check("NN.2", my_guess)

# %% [markdown]
# <details><summary>Solution NN.2</summary>
#
# ```python
# my_guess = 50
# ```
#
# What came out, and why.
#
# </details>

# %%
function = checks.mine("NN.1", my_function)
found = experiments.recorded("zero", "rule")
figure, axis = plots.canvas()
for run in found:  # seed by seed: a mean of jumps is smooth
    axis.plot([100 * line["accuracy"] for line in run.metrics], color=plots.BLUE)
before = 100 * found[0].summary["before"]["accuracy"]
axis.axhline(before, color="black", linestyle=":")  # if nothing had been learned
axis.set(title="A claim or a question", xlabel="RL step", ylabel="right, %")
plots.mark_guess(axis, len(found[0].metrics), checks.guess("NN.2"))
plots.show(figure, f"{len(found)} seeds, a line each; n = 128 a step. Dotted: before.")

# %% [markdown]
# What it shows, and what it would show if nothing had been learned. Two more exercises: an *experiment*, and one of difficulty 4, open-ended, with a check that measures.
#
# ## 3. The run
#
# With a seed that no recorded arm has, on one fixed problem, the reader's own if typed.

# %%
folder = records.place("lesson-NN")
probe = tasks.Problem("countdown", (13, 9, 4), 61)  # or one of your own
widgets.training_dashboard(folder, "habits", seed=5, probe=probe)
widgets.rollout_browser({"your run": [records.load_run(folder)]})

# %% [markdown]
# ## 4. Controls
#
# Each a run that could have come out the other way; a bar an arm, a dot a seed (`plots.seeds`).
#
# ## 5. On your GPU
#
# The same call with a preset for a card; which settings differ and why, what to expect from the literature.

# %%
if torch.cuda.is_available():
    folder = records.place("lesson-NN-card")
    widgets.training_dashboard(folder, "zero", preset="gpu24")
else:
    print("no card here: python -m r1lab run zero --preset gpu24")

# %% [markdown]
# ## 6. Verdicts
#
# Computed from the recorded runs when this cell runs; the criteria were written before.

# %%
print(scoreboard.text([row for row in scoreboard.every() if row["lesson"] == "NN"]))

# %% [markdown]
# ## The sentence that stays
#
# **One sentence.**

# %% [markdown]
# ## What you can now do
#
# Answer without looking, then open.
#
# <details><summary>1. A question for each aim of the first cell?</summary>
#
# Its answer.
#
# </details>
#
# ## What this leaves out
#
# ## References
