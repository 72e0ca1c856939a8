# %% [markdown]
# # 06 · Distillation
# [Open in Colab](@COLAB@) · Paper: [DeepSeek-R1](https://arxiv.org/abs/2501.12948), sections 2.4, 3.2 and 4.1 · Podcast from minute 1:28:51
#
# **Question.** Should a small model learn by its own reinforcement learning or from a larger model's answers, and who pays for the larger one?
#
# **You will be able to** 1. make a lesson of a teacher's answers (exercise 06.1), 2. count what it cost, teacher included (06.2), 3. say before the runs who is ahead (06.3), 4. find the compute at which reinforcement learning overtakes (06.4), 5. pick the few tokens that teach (06.5).
#
# **Before this** lesson 05.
#
# **Time** 60 min reading and doing; running: @MINUTES@.
#
# **Needs** no GPU, no download.

# %% tags=["setup"]
# @SETUP@

# %%
import json
import textwrap

import numpy as np
import torch

from r1lab import checks, cost, evaluate, experiments, feedback, models, plots, policy
from r1lab import sft, tasks, widgets
from r1lab.experiments import distillation

# %% [markdown]
# ## 1. The table with two ways in it
#
# 800,000 texts were collected: about 600,000 right answers of Dev2 (lesson 05), the rest about other things. Smaller models were then trained to imitate them, and nothing else (section 2.4). No reinforcement learning, no reward. This is *distillation*: one model, the *student*, learns to write what another, the *teacher*, wrote.
#
# Section 4.1 asks the natural question: would the small model have got there by itself? A base of 32 billion parameters got more than 10,000 steps of reinforcement learning. Its twin was distilled. Table 6:

# %%
ledger = json.loads((models.DATA / "claims.json").read_text(encoding="utf-8"))
paper = {c["id"]: c["numbers"] for c in ledger["claims"]}
print("DeepSeek-R1, Table 6 (percent)      RL   distilled")
for key in ("aime_2024", "math_500", "gpqa_diamond", "livecodebench"):
    rl, taught = (
        paper["D-02"][f"{who}_{key}_percent"]["value"] for who in ("rl", "distilled")
    )
    print(f"{key:30}{rl:8.1f}{taught:12.1f}   {taught - rl:+.1f}")

# %% [markdown]
# Distilled is ahead everywhere. The report draws two conclusions (4.1): distilling gives excellent results, while small models that rely on large-scale reinforcement learning need enormous compute and may not even get that far. And: to go *beyond* what is known still takes a larger base and larger-scale reinforcement learning.
#
# One thing is not in the table. The left column paid for all of its training. The right one paid for imitation alone; the teacher, 671 billion parameters and its own reinforcement learning, was there already. So the table compares two students and one bill. This lesson keeps both.

# %%
figure, axis = plots.canvas(width=8.6, height=3.0)
feedback.ways_to_teach(axis)
plots.show(figure, "A box is a token, a bar what is said of it: up, be likelier.")

# %% [markdown]
# The picture has three ways, and the third, *on-policy distillation*, is a later answer. Look at two things: who wrote the text, and how much is said about it. Imitation says something about every token, of texts in which the student never goes astray. Reinforcement learning takes the student's own texts, and says one number. The third takes the student's texts *and* speaks about every token. We come to it in part 8.

# %% [markdown]
# ## 2. Student and teachers
#
# The student is a new base, `small`: a third of a million parameters in three layers, which read the same texts as `rich`, a million in five. The main teacher is `rich` after 60 steps of reinforcement learning on three numbers (arm `rule` of `run judge`, lesson 03). The student will get the *same* 60 steps. So whatever lies between the two is size.

# %%
from r1lab.machine import environment

FAST = environment.fast()
held_out = tasks.problems("countdown", 32 if FAST else 256, 0, "test")
CAP = 96 if FAST else 256
base, tokenizer = models.load("small")
teacher, _ = distillation.recorded("judge-rule", 0, "rich")


def look(model, problems=held_out, seed=0, **more):
    """One answer a problem, under the cap of all runs of this lesson."""
    how = evaluate.Sampling("tiny", CAP, seed)
    return evaluate.answer(model, tokenizer, problems, how, **more)


for name, model in (("student", base), ("teacher", teacher)):
    found = look(model)
    print(
        f"{name}: right {100 * found.correct.mean():.1f} %, n = {len(held_out)}, "
        f"{np.mean(found.lengths):.0f} tokens; it says to {tasks.short(held_out[3])}:"
    )
    print("\n".join(textwrap.wrap(found.texts[3], 84)), "\n")  # fmt: skip

# %% [markdown]
# The usual forecast comes before any training. Of what the untrained student does now and then, what *pays*? If searching in order already works in its hands, then its own reinforcement learning will find it, and a teacher has only time to save.

# %%
from r1lab import habits
from r1lab.tiny_world import competence

found = look(base)
read = [habits.read(p, t).name for p, t in zip(held_out, found.texts, strict=True)]
for habit in ("guess", "in order"):
    rows = [i for i, name in enumerate(read) if name == habit]
    right = 100 * found.correct[rows].mean() if rows else 0.0
    print(
        f"{habit}: {100 * len(rows) / len(read):.0f} % of answers, {right:.0f} % right"
    )
how = evaluate.Sampling("tiny", CAP, 1)
begun = competence.by_habit(base, tokenizer, held_out[:128], how)
print(f"begun in order by force: {100 * begun['in order']['accuracy']:.0f} % right")

# %% [markdown]
# It can. Guessing fills most of its answers and hardly ever pays; a search in order is rare and pays in some seven of ten cases. So here is the forecast: reinforcement learning will bring the student near the teacher *without* any help. Distillation can only be ahead where the student cannot find the way, or is not given time. We shall look at both cases.

# %% [markdown]
# ## 3. A lesson made of answers
#
# The teacher answers train problems; the verifier looks; what is right is kept. That is *rejection sampling* (2.3.3), with the answers of another model.
#
# ### Exercise 06.1 · code · 8 min · difficulty 2 of 5
# Write the filter. Each answer is a row (problem, text, right, ended). Keep the answers that are right, that came to their end, and at most one a problem: the first good one. Return their places in the list.


# %%
def my_filter(rows):
    """rows: (problem, text, right, ended) each; returns: a list of places."""
    ...  # your code


# %%
checks.check("06.1", my_filter)

# %% [markdown]
# <details><summary>Solution 06.1</summary>
#
# ```python
# def my_filter(rows):
#     kept, seen = [], set()
#     for place, (problem, text, right, ended) in enumerate(rows):
#         if right and ended and problem not in seen:
#             kept.append(place)
#             seen.add(problem)
#     return kept
# ```
#
# An answer that the cap cut would teach the student not to stop. Several answers to one easy problem would make the lesson easier than the task.
#
# </details>

# %%
chosen = checks.mine("06.1", my_filter)
asked = tasks.problems("countdown", 32 if FAST else 256, 5, "train")
said = look(teacher, asked, seed=5)
columns = (asked, said.texts, said.correct[:, 0].tolist(), said.ended)
rows = list(zip(*columns, strict=True))
kept = chosen(rows) or [0]
pairs = [(tasks.prompt(rows[i][0], "tiny"), rows[i][1]) for i in kept]
print(f"asked {len(rows)}, right {sum(r[2] for r in rows)}, kept {len(kept)}; "
      f"{sum(said.lengths)} tokens of the teacher")  # fmt: skip

# %% [markdown]
# Now imitation, live: 40 updates on 16 of these pairs each, LoRA on the small base.

# %%
STEPS, RATE = (2 if FAST else 40), 1.5e-3
student = models.prepare(models.load("small")[0], 8, 5)
learner = policy.learner(student, tokenizer, RATE)
config = sft.Config(steps=STEPS, prompts=16, max_new=CAP, lr=RATE, micro_tokens=1024)
learned = 0
for update in sft.train(learner, pairs, config):
    learned += update.report["update_tokens"]
    if update.step in (1, STEPS):
        print(f"step {update.step}: loss {update.report['loss']:.3f} nats a token")
found = look(student)
print(f"taught: right {100 * found.correct.mean():.1f} %, n = {len(held_out)}; "
      f"{learned} tokens learned from")  # fmt: skip

# %% [markdown]
# Some seconds of imitation do what takes reinforcement learning a minute. Now be suspicious: one seed, and a teacher that came for free.
#
# ## 4. Count the bill
#
# A token that passes a model forward costs two operations for each weight; to learn from it costs two more on the way back to the activations (with LoRA the frozen weights get no gradient). By hand, for the student with 0.33 million weights: sampling 1,000 tokens takes 0.66 billion operations, learning from them 1.31 billion. The teacher has 0.95 million, so the same tokens cost 2.9 times as much there.
#
# ### Exercise 06.2 · code · 8 min · difficulty 3 of 5
# Write the whole bill of a distilled student, in operations. The teacher sampled and learned in its own training, then sampled answers; the student learned from them. Of several students that share one teacher each pays a part of its *training*, but for its own answers alone.


# %%
def my_bill(small, large, trained, answers, learned, shared):
    """small, large: weights of student and teacher; trained: (tokens sampled, tokens
    learned from) in the teacher's training; answers: tokens that it then sampled for
    this student; learned: tokens the student learned from; shared: by how many."""
    ...  # your code


# %%
checks.check("06.2", my_bill)

# %% [markdown]
# <details><summary>Solution 06.2</summary>
#
# ```python
# def my_bill(small, large, trained, answers, learned, shared):
#     sampled, updated = trained
#     training = large * (2 * sampled + 4 * updated)
#     return training / shared + 2 * large * answers + 4 * small * learned
# ```
#
# The attention over earlier tokens is left out here; the package counts it, too (`r1lab.cost`).
#
# </details>

# %%
bill = checks.mine("06.2", my_bill)
record = experiments.recorded("judge", "rule")[0].summary
weights = [cost.shape(models.config_of(name)).weights for name in ("small", "rich")]
trained = record["sampled_tokens"], record["update_tokens"]
for shared in (1, 10, 1000):
    whole = bill(*weights, trained, sum(said.lengths), learned, shared)
    print(
        f"the live student, {shared:4} sharing the teacher: {whole / 1e12:.3f} x 10^12"
    )
print(f"without the teacher: {4 * weights[0] * learned / 1e12:.3f} x 10^12 operations")

# %% [markdown]
# ## 5. Equal compute
#
# The recorded runs, five seeds each, on the same 512 held-out problems. `rl`: the student's own 60 steps, then 160 more. `from-large`: 340 steps of imitation of the teacher's right answers, which cost the student about as much as its 60 steps of reinforcement learning; teacher and student share a seed. `solver`: 2,000 traces of a program that searches perfectly and costs nothing.
#
# What would this show if the teacher had taught nothing? `from-large` would stay at the base. And if there is nothing to learn but the habit? Then all would end alike.
#
# ### Exercise 06.3 · predict · 3 min · difficulty 2 of 5
# By how many points is `from-large` ahead of `rl` after 60 steps, at equal compute of the student? Behind counts as minus.

# %%
my_lead = ...  # points

# %%
checks.check("06.3", my_lead)

# %% [markdown]
# <details><summary>Solution 06.3</summary>
#
# ```python
# my_lead = 5
# ```
#
# There is no right guess. The figure has what came out.
#
# </details>

# %%
from r1lab.running import bills
from r1lab.running.evidence import alike, gain

T = 1e12
runs = {arm.name: experiments.recorded("distillation", arm.name)
        for arm in experiments.named("distillation").arms}  # fmt: skip
large = {r.config["seed"]: r for r in experiments.recorded("judge", "rule")}


def percent(run):
    return 100 * run.summary["after"]["accuracy"]


ENDS = {"rl, 60 steps": ("rl", True), "rl, 220 steps": ("rl", False)}
ENDS |= {"from-large": ("from-large", True), "solver": ("solver", True)}
reached = {}
for name, (arm, early) in ENDS.items():
    found = [distillation.first(r) if early else r for r in runs[arm]]
    reached[name] = [percent(r) for r in found]
    if found:
        first = found[0].config["stages"][0]["name"] if early else ""
        spent = np.mean([bills.student(r, first) for r in runs[arm]]) / T
        print(f"{name:14} student's bill {spent:5.2f} x 10^12, right "
              f"{np.mean(reached[name]):.1f} %: "
              + ", ".join(f"{v:.1f}" for v in reached[name]))  # fmt: skip

# %%
figure, axis = plots.canvas(width=6.0)
for x, (name, values) in enumerate(reached.items()):
    colour = plots.GREY if name.startswith("rl") else plots.BLUE
    axis.plot([x] * len(values), values, "o", color=colour, markersize=5)
    if values:
        axis.plot([x - 0.2, x + 0.2], [np.mean(values)] * 2, color=colour)
guess = checks.guess("06.3")
if guess is not None and reached["rl, 60 steps"]:
    plots.mark_guess(axis, 2, np.mean(reached["rl, 60 steps"]) + guess)
axis.set_xticks(range(len(reached)), reached)
axis.set(title="Taught or trained, at equal compute of the student?", ylim=(0, 100))
axis.set_ylabel("right, %")
plots.show(figure, "A dot a seed, n = 512 held-out problems; the bar is the mean.")

# %% [markdown]
# At equal compute of the student the taught one is ahead in every seed, by 2.3 to 4.7 points in four and by 21.5 in the fifth, whose reinforcement learning started late: 6.9 on average [-3.3, 17.1]. Five were asked; so D-02 stays open. The report's gaps on the hardest tests are three times as large, from a teacher twenty times as large.
#
# Two traps. The solver's 2,000 traces bring 72.4 % for a *third* of the bill; but the solver is perfect and free, and in the report nobody was. It shows what a perfect teacher could do at most, and here that is no more than the real one did. And the lead depends on *when* one looks. At a third of the compute it is large; given 220 steps, reinforcement learning alone comes to 73.9 %, above all that was taught.

# %% [markdown]
# ### The teacher's bill
#
# Now charge the teacher. The grey curve is the student's reinforcement learning, right answers *in training* over its bill; the dots are taught students, on held-out problems. With the teacher at price 0 they stand where the report's table puts them. At 1 a teacher's operation costs what a student's costs. *Predict: at which price does the winner change?*

# %%
UNIT = "x 10^12 operations"
data = {"unit": UNIT, "rows": [], "curve": [[0.0, 0.0]]}
if runs["rl"]:
    data["curve"] = bills.curve(runs["rl"], T)
half = experiments.recorded("delay", "delay-16")
taught_by = {"from-large": list(large.values()), "half-right": half, "solver": half}
for arm, teachers in taught_by.items():  # the solver is free whoever stands there
    if pairs := alike(runs[arm], teachers):
        row = bills.row(arm, pairs, T)
        data["rows"].append(row)
        said_of = (f"{key} {row[key]:.2f}" for key in ("student", "training", "asking"))
        print(f"{arm:11} right {row['right']:.1f} %; bills: " + ", ".join(said_of))
widgets.price_ledger(data)

# %% [markdown]
# Free, the larger model's answers stand 7.3 points above what reinforcement learning reaches for the student's bill alone. At price 1 the student's 0.82 becomes 3.61, of which 2.46 is the teacher's training, and for that reinforcement learning reaches 76 % of its training answers. Held out it has 73.9 %, so like for like it is ahead by 2.3 points. By the curve the winner changes between a price of 0.2 and 0.5. Shared by ten students the two are about level. The half trained teacher hardly pays even when free (1 point). And the solver wins at any price, because nothing is charged for it.
#
# So both columns of the report's table can be right, and "distillation is cheaper" is a statement about who else uses the teacher.

# %% [markdown]
# ### Exercise 06.4 · code · 15 min · difficulty 4 of 5
# Find the compute at which reinforcement learning overtakes. You get the bill and the share of right training answers after each step, noisy, and a level to reach. Overtaken is where the mean of the last twenty steps reaches the level *and never falls below it again*. Return the bill at that step; None where it never happens.


# %%
def my_overtaking(spent, right, level):
    """spent: bill after each step, rising; right: share after each step; level: share.
    Returns: a bill, or None."""
    ...  # your code


# %%
checks.check("06.4", my_overtaking)

# %% [markdown]
# <details><summary>Solution 06.4</summary>
#
# ```python
# def my_overtaking(spent, right, level):
#     means = [sum(right[i : i + 20]) / 20 for i in range(len(right) - 19)]
#     below = [i for i, value in enumerate(means) if value < level]
#     first = below[-1] + 1 if below else 0
#     return spent[first + 19] if first < len(means) else None
# ```
#
# The first touch would come too early: of many noisy steps one is lucky. "Never again" looks at the whole rest. But a long rest has more chances to dip, so the answer depends on how long one trains. State that with the number.
#
# </details>

# %%
overtaking = checks.mine("06.4", my_overtaking)
for arm in ("from-large", "solver"):
    found = []
    for one, other in alike(runs["rl"], runs[arm]):
        level = distillation.first(other).summary["after"]["accuracy"]
        spent = np.cumsum(bills.steps(one)) / T
        found.append(
            overtaking(spent.tolist(), [m["accuracy"] for m in one.metrics], level)
        )
    words = [f"{v:.2f}" if v else "never" for v in found]
    print(f"overtakes {arm} at {', '.join(words)} {UNIT}")
if runs["rl"]:
    print(f"(the longest run: {data['curve'][-1][0]:.2f} {UNIT})")

# %% [markdown]
# In every seed reinforcement learning overtakes before the bill of teacher and student, 3.61, is spent: for good at 1.75 to 3.36, which is two to four times what the taught student itself cost. (Its answers are those of training, the level is held out. In seed 4 it overtakes `solver` at 3.40 and ends at 73.0 % held out, against 73.2.) The general statement that small models may *never* get there (D-05) is not what we see. Later, DAPO brought the report's own base to 50 %, where the report's reinforcement learning had 47, in half of the steps.

# %% [markdown]
# ## 6. What makes a good lesson?
#
# Four comparisons, each with one difference. How *many*: 2,000 traces once, against 500 four times, at equal steps (D-01). *Whose*: right answers of the large teacher against those of the student's own trained self, to the very problems that both solved (D-06). The report says that patterns found by larger models are better. *Filtered or not*: a half trained teacher (`delay/delay-16` of lesson 03) is right in about two of five answers and guesses in the others; its right answers, against as many as they come (D-08). And *to whom*: the same 2,000 traces for `parts`, a base as large as `rich`, which reinforcement learning could not help (lesson 04).

# %%
COMPARED = (
    "solver",
    "solver-500",
    "from-large",
    "from-small",
    "half-right",
    "half-all",
)
figure, axis = plots.canvas(width=7.4)
for x, arm in enumerate((*COMPARED, "no-search")):
    found = [distillation.first(r) for r in runs[arm]]
    before = [100 * r.summary["before"]["accuracy"] for r in found]
    ends = [percent(r) for r in found]
    axis.plot([x] * len(before), before, "_", color=plots.GREY)
    axis.plot([x] * len(ends), ends, "o", color=plots.BLUE, markersize=5)
    for r in found[:1]:
        (about,) = r.summary["material"].values()
        print(f"{arm:11} {about['pairs']:5} texts; right {np.mean(ends):.1f} %: "
              + ", ".join(f"{v:.1f}" for v in ends))  # fmt: skip
axis.set_xticks(
    range(7), [name.replace("-", "\n", 1) for name in (*COMPARED, "no-search")]
)
axis.set(title="The filter matters, more than the teacher's size", ylim=(0, 100))
axis.set_ylabel("right, %")
plots.show(figure, "A dot a seed, n = 512; grey: the same base before.")

# %% [markdown]
# *Number*: none. 500 traces read four times are as good as 2,000 read once (-0.1 points [-1.2, 1.0]); 60 points above the base both (D-01 open: "more teach more" was half of it). *Whose*: the large one's answers are 4.0 points ahead [-4.9, 13.0], most of it from one seed, whose small teacher had only come to 49 % (D-06, open). In the others a right answer is a right answer. *Filter*: 28.3 points [23.2, 33.4] (D-08, reproduced). Some half of the unfiltered texts are guesses, and guesses are learned as well as searches.

# %% [markdown]
# *To whom*: here distillation does what reinforcement learning could not. `parts` never tries again, so there was nothing to amplify: 300 steps had brought it from 6 to 13 % (`habits/parts-long`). 340 steps of imitation bring it to 42 to 46 %. In lesson 05 fifty examples had changed its manners and not its answers; two thousand teach it the search. A teacher is worth most where the student has nothing of its own to build on.

# %% [markdown]
# ### Then reinforcement learning
#
# The report adds in one sentence that reinforcement learning on top of distilled models "yields significant further gains", left it to the community and gives no number (3.2). `from-large` goes on with the 60 steps of `rl`. Beside it stands not the taught student alone but `rl` with 220 steps, for about twice the compute.

# %%
for r in runs["from-large"]:
    seed, ends = r.config["seed"], r.summary["stages"]
    taught, then = (100 * one["accuracy"] for one in ends)
    alone = [percent(o) for o in runs["rl"] if o.config["seed"] == seed]
    cut = " -> ".join(f"{100 * one['truncated']:.0f}" for one in ends)
    print(f"seed {seed}: taught {taught:.1f} %, then RL {then:.1f} % (cut {cut} %); "
          f"RL alone, 220 steps {alone[0]:.1f} %")  # fmt: skip

# %% [markdown]
# It adds nothing: -0.3 points [-1.8, 1.3] where five were asked (D-03, not reproduced). The taught student stands where its searches fit under the cap or do not. It is not for want of signal: only 27 to 42 % of its groups are alike. Reinforcement learning alone ends above it in every seed, 73.9 against 71.4 % on average, but for twice the student's bill; at the same bill the two are about level. What the report saw may have come on top of texts that its students could not yet use in full.

# %% [markdown]
# ## 7. More than the base could reach?
#
# There is a claim with teeth about both ways (Yue and others, section 4.2; X-11). Reinforcement learning raises the first try and not what *many* tries reach: with enough samples the base catches up, and passes. Distillation does widen that, since a teacher can bring what the base never writes (D-04).
#
# A test of this needs room. Of problems with four numbers random expressions solve 94 % with 256 samples, so nothing could be seen. Here are only those with at most three ways to the target, where chance gets some 70 %; nobody was trained on four numbers. Beside them problems like those in training, three numbers with a single way, 32 samples.

# %%
from r1lab.experiments import coverage

WHO = {"base": plots.GREY, "rl": plots.BLUE, "more": plots.GREEN}
WHO |= {"from-large": plots.ORANGE}
figure, axes = plots.canvas(2, sharey=True)
for axis, size in zip(axes, (4, 3), strict=True):
    for arm, colour in WHO.items():
        if found := experiments.recorded("coverage", arm):
            coverage.curves(axis, found, size, colour, arm)
    if found := experiments.recorded("coverage", "base"):
        coverage.line_of_chance(axis, found, size)
    axis.set(xlabel="samples, k", title=f"{size} numbers, few ways")
axes[0].set_ylabel("problems solved, %")
if axes[0].lines:
    axes[0].legend(fontsize=8)
plots.show(
    figure, "A line a seed and their mean; five seeds with 12 and 24 problems each."
)

# %%
for size, k in ((4, 1), (4, 256), (3, 1), (3, 32)):
    cells = []
    for arm in WHO:
        found = experiments.recorded("coverage", arm)
        if found:
            reached = np.mean([coverage.reached(r, size, k) for r in found])
            tokens = np.mean(
                [r.summary["measured"]["tokens"][str(size)] for r in found]
            )
            cells.append(f"{arm} {reached:.1f} % ({tokens:.0f} tokens)")
    print(f"{size} numbers, pass@{k}: " + "; ".join(cells))

# %% [markdown]
# Look left. Training on three numbers ruins four: 65 % of these problems are solved by the base with 256 samples (chance: some 70 %), 8 % after reinforcement learning, 20 % after distillation. Both search in order, as on three numbers, and stop. So the distilled model is far *below* its base (D-04, not reproduced), and "the base is ahead at 256" is true in the crudest way: what was narrowed was the habit.
#
# Look right, at problems like those that were trained. There the first try rises from 7 to 52 and 60 %, and with 32 samples the trained one is *ahead*, by 6.7 points [-6.8, 20.2]. X-11 asked for both sides, and stays open. Which of the two one reports depends on how far the test lies from the training. Beside each curve stands chance, and on the left the base is no better than that: many tries of a guesser are random expressions.

# %% [markdown]
# ## 8. The student writes, the teacher speaks
#
# Imitation has a weak spot: the teacher's texts contain none of the student's mistakes. At its first own slip the student stands where no example has been. *On-policy distillation* (Agarwal and others; later used to train small models cheaply) lets the student write and asks the teacher how likely it finds each token. The reward of a token is
#
# $$r_t = \log \underbrace{\pi_T(o_t \mid q, o_{<t})}_{\text{teacher}} - \log \underbrace{\pi_S(o_t \mid q, o_{<t})}_{\text{student}}$$
#
# By hand: the student wrote a token with probability 0.5 that the teacher gives 0.25: log 0.5 = -0.69. In the mean over the student's texts that is minus the reverse KL of lesson 02, so to maximise it is to become the teacher, where the student goes.

# %%
from r1lab import grpo, microscope, on_policy

one = held_out[3]
own = look(base, [one], seed=2).texts[0]
reading = microscope.read(base, teacher, tokenizer, tasks.prompt(one, "tiny"), own)
caption = "The untrained student wrote it. Below: student's chance, then the teacher's."
widgets.coloured(reading, caption)

# %% [markdown]
# One token decides here. Behind its first result the student is sure of a comma: the guess goes on. The teacher would write a semicolon, with which a search in order begins. Elsewhere they differ little. So a few tokens may carry the lesson. First all of them, live:

# %%
TURNS = 2 if FAST else 20


def on_policy_run(seed=5):
    """The small base, taught on its own texts by the teacher; a report a step."""
    learner = policy.learner(
        models.prepare(models.load("small")[0], 8, seed), tokenizer, 3e-3
    )
    config = grpo.Config(steps=TURNS, prompts=16, group=2, max_new=CAP, lr=3e-3,
                         micro_tokens=1024, template="tiny", seed=seed)  # fmt: skip
    steps = on_policy.train(learner, teacher, asked, config)
    return learner.model, [update.report for update in steps]


student, reports = on_policy_run()
for i in sorted({0, TURNS // 2, TURNS - 1}):
    r = reports[i]
    print(f"step {i + 1:2}: reverse KL {r['reverse_kl']:.3f} nats a token, "
          f"{r['length']:.0f} tokens, right {100 * r['accuracy']:.0f} %")  # fmt: skip
level = 100 * look(student).correct.mean()
print(f"on held-out problems: {level:.1f} % right")

# %% [markdown]
# Its bill: the student samples and learns, the teacher reads each token once.

# %%
shapes = [cost.shape(models.config_of(name)) for name in ("small", "rich")]
tokens, learned = (sum(r[k] for r in reports) for k in ("tokens", "update_tokens"))
mine = cost.operations(shapes[0], cost.Work(tokens, learned, 70)) / T
reads = cost.sampling(shapes[1], cost.Work(learned, 0, 70)) / T
print(f"student {mine:.3f}, teacher's reading {reads:.3f} {UNIT}")
if runs["rl"]:
    at = [b for b, right in data["curve"] if right >= level]
    print(
        f"reinforcement learning is as far at {at[0]:.3f}" if at else "RL: never", UNIT
    )

# %% [markdown]
# The student is where reinforcement learning comes for about four times the bill, the teacher's reading included (its training is not, as with price 0 in part 5). This is one live run of one seed; two trials before it, with other numbers of completions, ended at 65 and 80 %. A number a token says more than a number an answer.

# %% [markdown]
# ### Exercise 06.5 · experiment · 15 min · difficulty 4 of 5
# Which tokens carry the lesson? Give each token of the student's texts a score, from what student and teacher think of it. Only the three in a hundred with the highest scores will count, in 12 updates. They should bring the student at least 25 points further than as many random tokens. The check trains twice, half a minute.


# %%
def my_score(student, teacher):
    """student, teacher: (N, T) log-probabilities of the tokens that the student wrote;
    returns: (N, T), high where a token should count."""
    ...  # your code


# %%
checks.check("06.5", my_score)

# %% [markdown]
# <details><summary>Solution 06.5</summary>
#
# ```python
# def my_score(student, teacher):
#     return (teacher - student).abs()
# ```
#
# Where the two disagree. Three in a hundred of those teach nearly what all of them do. That the student itself is unsure (`-student`) tells nothing here: it is unsure about numbers, and sure of its bad habit. The teacher's doubt alone (`-teacher`) does nearly as well.
#
# </details>

# %% [markdown]
# ## 9. Was the small one too small?
#
# Two claims say that below a size reinforcement learning does not start: bases of 7 and 16 billion "consistently failed" (R1 version 2, G.1; though its F.1 has one of 7 billion that works), and half a billion guesses and stops (TinyZero). Ours are a million and a third of it, with the same 60 steps.

# %%
rl = [distillation.first(r) for r in runs["rl"]]
for one, other in alike(rl, list(large.values())):
    before, after = one.summary["before"], one.summary["after"]
    twice = " -> ".join(f"{100 * part['repeated']:.0f}" for part in (before, after))
    print(f"seed {one.config['seed']}: small gains {np.mean(gain(one)):.1f} points, "
          f"rich {np.mean(gain(other)):.1f}; small makes {after['tries']:.1f} tries, "
          f"of which it repeats {twice} %")  # fmt: skip

# %% [markdown]
# No threshold. A third of the parameters gains 52.8 points, in every seed at least 36; it makes ten tries an answer, of which it repeats 9 to 17 %, where the base repeated 5 to 9. It is 11.5 points behind [-1.3, 24.2], and late: it starts a few steps later. Both claims fail on their own second half (T-02 and Z-10, not reproduced). Two sizes are no ladder, and both know the habit from their text. In the reports the small bases may have lacked what `parts` lacks, whatever their size.

# %% [markdown]
# ## 10. On your GPU
#
# The same with real models on a card of 16 GB: the student is Qwen2.5-0.5B, its teacher Qwen2.5-3B as it is, the task GSM8K. The teacher answers 1,200 problems behind R1-Zero's prompt, the right answers are taught, then 60 steps of reinforcement learning.

# %%
from r1lab import records

if torch.cuda.is_available():
    folder = records.place("lesson-06")
    more = {"hub.lr": 1e-4}  # imitation wants more than RL's 2e-5
    widgets.training_dashboard(folder, "distillation", "from-hub", preset="t4", **more)
else:
    print("no card here: python -m r1lab run distillation --arm from-hub --preset t4",
          "--set hub.lr=1e-4")  # fmt: skip

# %% [markdown]
# Version 2 taught its smallest student at 1e-4 and its largest at 2e-5 (D-07), so imitation has a rate of its own here. While the teacher answers, both models lie in memory, 7 GiB in half precision; the preflight counts the student alone. We have not run it. Expect the half-billion student to take over form and length at once, and less of what is right: in the report 1.5 billion is the smallest.

# %% [markdown]
# What a CPU can do is a smaller real model: SmolLM2-135M on sums. Its teacher is a program of three lines that works them out by tens and ones, `37 + 48 = 70 + 15 = 85`. 192 of them are read once, in 24 updates; then come 12 steps of reinforcement learning. Beside it: reinforcement learning alone (`run zero`) and its own right answers (`run sft`). All are asked the same 320 sums. Before the runs we asked for 10 points of gain by the worked sums, and at the end for 5 points above reinforcement learning alone. Who is ahead?

# %%
from r1lab import stats
from r1lab.running.evidence import minus, right

zero, own, sums = (
    experiments.recorded(name, "smol") for name in ("zero", "sft", "distillation")
)
ways = {
    "before": [right(r, "before") for r in sums],
    "RL alone, 24 steps": [right(r) for r in zero],
    "own right answers, taught": [right(r) for r in own],
    "worked sums, taught": [right(distillation.first(r)) for r in sums],
    "  and then 12 steps of RL": [right(r) for r in sums],
}
for name, found in ways.items():
    mean, low, high = stats.seeds_interval(found)
    seeds = ", ".join(f"{np.mean(one):.0f}" for one in found)
    print(f"{name:27}{mean:5.1f} % [{low:.1f}, {high:.1f}]   seeds: {seeds}")
pairs = alike(sums, zero)
apart = stats.seeds_interval([minus(right(a), right(b)) for a, b in pairs])
print("the last above RL alone: {:+.1f} points [{:+.1f}, {:+.1f}]".format(*apart))

# %% [markdown]
# Not ahead. The worked sums teach their form in every seed and hardly the sums: 6 to 7 % are right, 4.0 points won [3.1, 4.9] where ten were asked. Then two seeds leave the form again for the plain `68 + 12 = 70` and end at 49 and 38 %; the third keeps it and stays at 8 %. Each is below the same seed without the lesson, which had twice the steps: 68, 75 and 48 %. What is easy to say for a program need not be easy to learn.
#
# ## 11. Verdicts
#
# Computed from the recorded runs when this cell runs; the criteria were written before.

# %%
from r1lab.claims import scoreboard

mine = {"D-01", "D-02", "D-03", "D-04", "D-06", "D-08", "X-11", "T-02", "Z-10"}
print(scoreboard.text([row for row in scoreboard.every() if row["id"] in mine]))

# %% [markdown]
# Read together: where the base can find the way, a teacher saves time, and its price decides; where it can't, a teacher is the only way. Right answers must be sorted from wrong ones. More of the same traces, a larger author, and reinforcement learning on top brought nothing that we could tell from 0.
#
# Not testable here, with the reason in the ledger (`python -m r1lab claims --lesson 06`): D-05 (a statement on all small models and all training to come; DAPO later took the same base to 50 %), D-07 (a setting).

# %% [markdown]
# ## The sentence that stays
#
# **A teacher spares its student the search, and somebody has paid for it.**

# %% [markdown]
# ## What you can now do
#
# Answer without looking, then open.
#
# <details><summary>1. What does Table 6 of the report compare, and what does it leave out?</summary>
#
# One base by reinforcement learning and by imitation of R1. R1's bill is not in it.
#
# </details>
# <details><summary>2. When can distillation be ahead of the student's own reinforcement learning?</summary>
#
# Where the student cannot find the way, or has no compute to; and where many share the teacher.
#
# </details>
# <details><summary>3. Why are right answers kept, and why only whole ones?</summary>
#
# Imitation learns what it is shown: wrong guesses, too. A cut answer teaches not to stop.
#
# </details>
# <details><summary>4. Why is pass@256 on four numbers no test, and what was done?</summary>
#
# Random expressions solve nearly all. Only problems with few ways were kept, beside chance.
#
# </details>
# <details><summary>5. What does on-policy distillation take from each of the other two?</summary>
#
# The student's own texts, and something said about every token.
#
# </details>

# %% [markdown]
# ## What this leaves out
#
# * A teacher far above its student. Ours is three times as large and knows the same world; R1 has ten times the parameters of its largest student, and 450 times those of its smallest.
# * Imitation of the teacher's whole distribution in the place of one sampled token.
# * Prices: counted operations are not money. A token of a large model that serves many at once may be cheaper than its operations say.
# * The 200,000 answers about other things, two to three epochs, a falling rate.

# %% [markdown]
# ## References
#
# * DeepSeek-R1, [arXiv 2501.12948](https://arxiv.org/abs/2501.12948), sections 2.4, 3.2, 4.1, Tables 5 and 6; version 2, appendices B.4.3, F.1 and G.1.
# * Yue and others, Does reinforcement learning really incentivize reasoning capacity beyond the base model?, [arXiv 2504.13837](https://arxiv.org/abs/2504.13837).
# * Agarwal and others, On-policy distillation of language models, [arXiv 2306.13649](https://arxiv.org/abs/2306.13649).
# * DAPO, [arXiv 2503.14476](https://arxiv.org/abs/2503.14476).
