# %% [markdown]
# # 04 · R1-Zero and the aha moment
# [Open in Colab](@COLAB@) · Paper: [DeepSeek-R1](https://arxiv.org/abs/2501.12948), sections 2.2.3 and 2.2.4 · Podcast from minute 1:06:43
#
# **Question.** Does a model that is only told right or wrong learn to doubt itself, and is there a moment when it does?
#
# **You will be able to** 1. say which behaviour a reward will strengthen before you train, 2. run R1-Zero with its controls, 3. measure reflection so that words alone cannot fool you, 4. tell a sudden change from a steady one, 5. tell emergence from amplification.
#
# **Before this** lesson 02.
#
# **Time** 65 min reading and doing; running: @MINUTES@.
#
# **Needs** no GPU, no download.

# %% tags=["setup"]
# @SETUP@

# %%
import textwrap

import numpy as np

from r1lab import checks, drawings, evaluate, experiments, habits, microscope, models
from r1lab import plots, records, reflection, rewards, stats, tasks, widgets
from r1lab.machine import environment, presets
from r1lab.tiny_world import competence

P = presets.pick("cpu")

# %% [markdown]
# ## 1. What R1-Zero is
#
# Three things and nothing more: a base model, a template, a rule. The base model has read text and was never taught to answer. The *template* says where thoughts and answer go. The rule pays for a right answer and for the right form. There are no worked examples to imitate.
#
# DeepSeek reports a rise from 15.6 % to 71.0 % on the AIME 2024 contest (version 1, Table 2 and Figure 2; the first point drawn lies near step 200, so what the base could do is not shown), responses that grew from hundreds to thousands of tokens, and reflection that appeared by itself. One sample in its Table 3 became famous: the model writes "Wait, wait. Wait. That's an aha moment I can flag here."
#
# Here is R1-Zero's template around one of our problems, and the short form that our tiny model reads.

# %%
held_out = tasks.problems("countdown", 16 if environment.fast() else 256, 0, "test")
for text in (tasks.prompt(held_out[0], "r1"), tasks.tiny_prompt(held_out[0])):
    print("\n".join(textwrap.wrap(text, 84)), end="\n\n")

# %% [markdown]
# ## 2. What the base does before any training
#
# Our base, `rich`, has a million weights. Most texts it has read guess once. A few think: compare and answer anyway, try at random until something fits, go through all ways in order, work backwards from the target. We ask it 256 problems that stand in no text, four times each.

# %%
model, tokenizer = models.load("rich")
base = evaluate.answer(
    model, tokenizer, held_out, evaluate.Sampling("tiny", P.max_new, 0, 4)
)
first = next(i for i, text in enumerate(base.texts) if "Wait" in text)
for i in (0, 1, 2, 3, first):  # the first four, and the first that has a Wait
    shown = f"[{base.verdicts[i].reason}] {base.texts[i]}"
    print("\n".join(textwrap.wrap(shown, 84, subsequent_indent="    ")))
share, low, high = stats.mean_interval(base.correct.mean(1))  # over the problems
length = np.mean(base.lengths)
print(f"\nright: {100 * share:.1f} % [{100 * low:.1f}, {100 * high:.1f}], n = "
      f"{len(held_out)} problems; {length:.0f} tokens a completion")  # fmt: skip

# %% [markdown]
# One turn of R1-Zero's loop, on the first of these problems with a right answer among eight. The rule pays 1 for a right answer and 0.1 for the form. An answer's advantage is what it earned beside its group (lesson 02).

# %%
how = evaluate.Sampling("tiny", P.max_new, 0, 8)
eight = evaluate.answer(model, tokenizer, held_out[:16], how)
k = int(np.argmax(eight.correct.any(1)))
texts, verdicts = (part[8 * k : 8 * k + 8] for part in (eight.texts, eight.verdicts))
both = {"completions": texts, "verdicts": verdicts}
paid, _ = rewards.score(*rewards.reward_set("rule"), **both)
figure, axis = plots.canvas(width=9.2)
asked = tasks.short(held_out[k]).replace(" from ", " from\n")
drawings.loop(axis, asked, texts, [v.reason for v in verdicts], paid)
plots.show(figure, "Eight completions of the base. Long ones are shortened.")

# %% [markdown]
# A completion *reflects* when its thoughts hold a word such as Wait, Try or Check.
#
# ### Exercise 04.1 · code · 8 min · difficulty 2 of 5
# Write a reader for that. A completion looks like `<think>...</think><answer>...</answer>`; the second tag can be missing when the *cap*, the most tokens allowed, cut the text. Only whole words in the thoughts count, in capitals or not: Wait, Try, Check.


# %%
def my_reflects(text):
    """text: a completion; returns: True or False."""
    ...  # your code


# %%
checks.check("04.1", my_reflects)

# %% [markdown]
# <details><summary>Solution 04.1</summary>
#
# ```python
# import re
#
#
# def my_reflects(text):
#     thoughts = text.split("</think>")[0]
#     return bool(re.search(r"\b(wait|try|check)\b", thoughts, re.I))
# ```
#
# `\b` is the edge of a word. Plain `"wait" in text` also finds "waiter", and a counter that is wrong at step 0 makes a false story about what appeared later.
#
# </details>

# %% [markdown]
# The package's reader, `reflection.trace`, also reads Chinese, and it reads structure: which sums were tried, which were compared with the target and given up. Words can be learned as a tic. Structure is harder to fake.
#
# GRPO makes likelier whatever earns more than the rest of its group. So, before training: does reflection earn more? We split the base's answers in two and pay both under two rules: the whole rule, and its format part alone.
#
# *Predict: under which of the two does reflecting pay?*

# %%
reads = checks.mine("04.1", my_reflects)
columns = {"completions": base.texts, "verdicts": base.verdicts}
rows = zip(base.repeated(), base.texts, base.verdicts, strict=True)
traces = [reflection.trace(*row) for row in rows]
reflects = np.array([t.waits + t.checks > 0 for t in traces])
print(f"reflect: {sum(map(reads, base.texts))} of {len(base.texts)} by that reader, "
      f"{reflects.sum()} by one that knows Chinese, too")  # fmt: skip
paid = {}
for name in ("rule", "format"):
    paid[name] = np.array(rewards.score(*rewards.reward_set(name), **columns)[0])
    for group, which in (("reflects", reflects), ("does not", ~reflects)):
        mean, low, high = stats.mean_interval(paid[name][which])
        print(f"{name:6} reward of an answer that {group:8}: {mean:.2f}",
              f"[{low:.2f}, {high:.2f}], n = {which.sum()}")  # fmt: skip

# %% [markdown]
# Under the whole rule an answer that reflects earns more than twice as much. Under the format part alone no difference is seen. So under the rule answers that reflect gain on the mean, until something pays better; under the format part nothing pulls at them.
#
# The same table for the ways of thinking is a finer forecast. `habits.read` names the way an answer thinks. Rare ones are begun by force, so that there are enough of them: the first words are given, the model goes on.

# %%
read = [habits.read(*one).name for one in zip(base.repeated(), base.texts, strict=True)]
shares = {name: read.count(name) / len(read) for name in habits.NAMES}
right = {
    name: base.correct.reshape(-1)[[r == name for r in read]].mean()
    for name in habits.NAMES
    if name in read
}
begun = competence.by_habit(
    model, tokenizer, held_out, evaluate.Sampling("tiny", P.max_new, 1)
)
print("way of thinking   of the answers   right")
for name in habits.NAMES:
    if name in begun:
        low, high = (100 * x for x in begun[name]["ci95"])
        found = f"{100 * begun[name]['accuracy']:4.0f} % [{low:.0f}, {high:.0f}], begun"
        right[name] = begun[name]["accuracy"]
    else:
        found = f"{100 * right[name]:4.0f} %" if name in right else "   -"
    print(f"{name:17} {100 * shares[name]:9.1f} %   {found}")

# %% [markdown]
# *Predict, before the next cell: which of these will be the most frequent after 60 steps of the rule reward?* Two things count: how often a way is right, and how often the model comes upon it at all.
#
# Suppose that each share grows as its answers are paid: at the rate of its own share of right answers, minus the mean. That is the replicator equation, a stand-in: GRPO's own step moves rare ways less. Then the winner can be computed.

# %%
print("first to pass guessing:", competence.forecast(shares, right))

# %% [markdown]
# ## 3. The run
#
# Sixty steps: 16 problems, 8 completions each, GRPO with LoRA. It takes some five minutes on two cores. Below the curves one problem is asked again and again, with the same luck, so that what changes is the policy. Type one of your own if you like. Stop it with its button or the kernel's; run the cell again, and it goes on where it was.
#
# *Predict, before you start: will the completions get longer? And when does the accuracy move first: at once, or after a while?*

# %%
folder = records.place("lesson-04")
probe = tasks.Problem("countdown", (13, 9, 4), 61)  # or one of your own
summary = widgets.training_dashboard(folder, "habits", seed=5, probe=probe)
widgets.rollout_browser({"your run": [records.load_run(folder)]})

# %% [markdown]
# Three numbers, and the completions grow fourfold and then stay at some 170 tokens. Nothing in the reward asks for length, in either direction. Reflecting in words falls, below 1 % in every recorded seed: the ordered search pays more, and says `;` and never Wait. A search in order that makes no mistake needs some 130 tokens here. Length is not the aim; it is what the winning way costs.
#
# ## 4. Which way of thinking won
#
# One run is an anecdote. The course ships five, seeds 0 to 4, with criteria committed before the runs (`data/runs/README.md`). Beside them stands a second base, `restless`, whose texts search mostly at random. *Predict what wins there.*

# %%
my_run = records.load_run(folder)
WAYS = {"in order": plots.BLUE, "at random": plots.ORANGE, "guess": plots.GREY}
figure, axes = plots.canvas(2, sharey=True)
for axis, arm in zip(axes, ("rule", "restless"), strict=True):
    for name, colour in WAYS.items():
        for i, run in enumerate(experiments.recorded("habits", arm)):
            share = [100 * line[habits.key(name)] for line in run.metrics]
            label = name if i == 0 and arm == "rule" else None
            x = range(1, len(share) + 1)
            axis.plot(x, share, color=colour, linewidth=1, label=label)
        if arm == "rule":
            own = [100 * line[habits.key(name)] for line in my_run.metrics]
            axis.plot(range(1, len(own) + 1), own, ":", color=colour, linewidth=2)
    axis.set(xlabel="RL step", ylim=(0, 100))
for arm in ("rule", "rich-1", "rich-2", "restless"):
    found = experiments.recorded("habits", arm)
    ends = [run.summary["after"] for run in found]
    said = ", ".join(f"{100 * end['accuracy']:.1f}" for end in ends)
    ways = {max(habits.NAMES, key=lambda name: end[habits.key(name)]) for end in ends}
    print(f"{arm:8} right after training, seed by seed: {said} %;", *sorted(ways))
axes[0].set(title="Base rich: the ordered search wins", ylabel="of a step's answers, %")
axes[1].set_title("Base restless: the random one")
figure.legend(loc="outside upper center", ncols=3, fontsize=8)
plots.show(
    figure,
    f"Three numbers, same reward; {len(experiments.recorded('habits', 'rule'))} seeds, "
    "a line each; n = 128 answers a step. Dotted: your run.",
)

# %% [markdown]
# The same reward, the same recipe, another way of thinking: on `rich` the ordered search wins in every seed, and on two more bases made like it; on `restless` the random one. Both are what the forecast says. The reward does not know a good way. It strengthens the best of those that the base comes upon often enough, and of the texts that `restless` has read one in 200 searches in order.
#
# ## 5. R1-Zero's picture
#
# With three numbers all ways can be listed in some hundred tokens. With four there are thousands, and no order that ends in time: the longer a model searches, the more it finds. Here is `run zero`: four numbers, room for 900 tokens, five seeds, beside R1-Zero.

# %%
seeds = experiments.recorded("zero", "rule")
steps = np.arange(1, len(seeds[0].metrics) + 1)


def curves(key, found=seeds, factor=1):
    """(seeds, steps); not a number where a step had nothing to count."""
    rows = [[m[key] for m in r.metrics] for r in found]
    return factor * np.array(rows, dtype=float)


figure, axes = plots.canvas(2, height=2.9)
shown = ("accuracy", 100, "right, %", plots.BLUE), ("length", 1, "tokens", plots.ORANGE)
for axis, (key, factor, unit, colour) in zip(axes, shown, strict=True):
    mean = plots.band(axis, steps, curves(key, seeds, factor), colour)
    axis.plot(steps, curves(key, seeds, factor).T, color=colour, linewidth=0.5)
    axis.set(xlabel="RL step", ylabel=f"{unit}, a step's completions", ylim=(0, None))
    print(f"{key}: {mean[0]:.0f} at step 1, {mean[-1]:.0f} at step {steps[-1]}")
axes[0].set_title("Accuracy rises from right and wrong alone")
axes[1].set_title("Completions get longer")
plots.show(
    figure, "Four numbers; 5 seeds (thin), mean and 95 % interval; n = 128 a step."
)

# %%
figure, axes = plots.canvas(2, height=2.6)
shown = ("r1_zero_aime_pass_at_1", 100, plots.BLUE), ("r1_zero_length", 1, plots.ORANGE)
for axis, (name, factor, colour) in zip(axes, shown, strict=True):
    x, y, _ = plots.paper_curve(name)
    axis.plot(x, factor * y, color=colour, marker=".", markersize=4)
    axis.set(xlabel="RL step", ylim=(0, None))
    print(f"{name}: {factor * y[0]:.1f} at step {x[0]:.0f}, "
          f"{factor * y[-1]:.1f} at step {x[-1]:.0f}")  # fmt: skip
axes[0].set(title="R1-Zero on AIME 2024", ylabel="pass@1, %")
axes[1].set(title="R1-Zero's responses", ylabel="tokens, training")
plots.show(
    figure, "DeepSeek-R1 v1, Figures 2 and 3, digitised. No interval is given there."
)

# %% [markdown]
# The same directions, another shape. R1-Zero's curves rise from their first point on, and its responses grow to the end. Ours lie flat for some fifty steps and climb within twenty (part 7 asks why), and stop growing near 500 tokens, where the cap of 900 begins to bite.
#
# Long answers could be only the wrong ones, running into the cap.

# %%
for key in ("length_right", "length_wrong", "truncated"):
    c = curves(key)
    first, last = np.nanmean(c[:, :5]), np.nanmean(c[:, -5:])
    unit = " of completions" if key == "truncated" else " tokens"
    print(f"{key:13} first five steps: {first:6.2f}, last five: {last:6.2f}{unit}")

# %% [markdown]
# Right answers get longer too, so the growth is not made of failures. Wrong ones grow most: a search that finds nothing goes on until the cap.
#
# Or is it GRPO's own doing? It divides an answer's loss by its length, so a long wrong one is punished less for each token (lesson 02). The arm `dr-grpo` divides by a constant and keeps the std. *Predict: which number changes most, and how?*

# %%
SHOWN = {"length_right": 1, "length_wrong": 1, "truncated": 100, "accuracy": 100}
for arm in ("rule", "dr-grpo"):
    found = experiments.recorded("zero", arm)
    for key, factor in SHOWN.items():
        before = np.mean([factor * r.summary["before"][key] for r in found])
        ends = ", ".join(f"{factor * r.summary['after'][key]:.0f}" for r in found)
        print(f"{arm:8}{key:13}before {before:3.0f}; after: {ends}")

# %% [markdown]
# Wrong answers end 12.1 % shorter [7.1, 17.1] (15 were asked: X-01, inconclusive), and 2 % in the place of 21 reach the cap. Right ones grow 2.7 times [1.9, 3.5], about as under `rule`. Twice were asked (Z-03); seed 3, whose few right answers were long from the start, leaves it open. The division stretches failures. The search grows without it.
#
# ## 6. The aha tracker
#
# Now the claim itself: reflection arises. We measure three things on held-out problems, before and after: words, so that you can compare with the paper; structure, which a tic cannot fake; and whether changing one's mind helps.

# %%
KEYS = {
    "reflects": "share of answers with Wait, Try or Check",
    "words": "reflection words in an answer",
    "words_per_1000": "reflection words in 1,000 tokens",
    "tries": "different tries in an answer",
    "rejects": "share that give up a wrong try",
    "wrong_to_right": "first try wrong: share that end right",
}
title = f"mean of {len(seeds)} seeds, n = 512 each"
print(f"{title:41}{'base':>8}{'trained':>9}{'factor':>8}")
for key, name in KEYS.items():
    b, a = (np.mean([r.summary[w][key] for r in seeds]) for w in ("before", "after"))
    print(f"{name:41}{b:8.3f}{a:9.3f}" + (f"{a / b:8.1f}" if b else ""))

# %% [markdown]
# Some twenty tries where there were two, and nine of ten answers give up a wrong one. Of the answers whose first try is wrong about half end right; in the base hardly any do. So here changing one's mind helps.
#
# The report's authors counted ten such words and found five to seven times more of them (version 2, appendix C.2). Ours become three times as frequent in 1,000 tokens, and nearly thirty times in an answer, because answers grow.
#
# Before you look at where the first "Wait" occurs, in every seed: *predict the step.*

# %%
for r in seeds:
    kept = [(g["step"], c) for g in r.samples for c in g["completions"]]
    step, text = next((s, c) for s, c in kept if " Wait" in c or " Try" in c)
    at = min(i for i in (text.find(" Wait"), text.find(" Try")) if i >= 0)
    share = r.metrics[0]["reflects"]
    print(
        f"seed {r.config['seed']}, step {step}: ...{text[max(0, at - 30) : at + 28]}..."
    )
    print(f"        {100 * share:.0f} % of the 128 completions of step 1 reflect")

# %% [markdown]
# ## 7. Is there a moment?
#
# A claim of suddenness needs a test. A common one: find the step that splits the curve best into a low part and a high part, each replaced by its mean. If that explains most of the variance, call it a jump.
#
# ### Exercise 04.2 · code · 10 min · difficulty 3 of 5
# Write it. For each split into `curve[:i]` and `curve[i:]`, add up the squared distances from each part's mean. Return 1 minus the smallest such sum, divided by the sum without a split.


# %%
def my_explained(curve):
    """curve: (T,) float tensor; returns: a float between 0 and 1."""
    ...  # your code


# %%
checks.check("04.2", my_explained)

# %% [markdown]
# <details><summary>Solution 04.2</summary>
#
# ```python
# def my_explained(curve):
#     def spread(part):
#         return ((part - part.mean()) ** 2).sum()
#
#     splits = range(1, len(curve))
#     least = min(spread(curve[:i]) + spread(curve[i:]) for i in splits)
#     return float(1 - least / spread(curve))
# ```
#
# </details>


# %%
import torch

explained = checks.mine("04.2", my_explained)
reflecting = curves("reflects")
for r, curve in zip(seeds, reflecting, strict=True):
    share = 100 * explained(torch.tensor(curve))
    print(f"seed {r.config['seed']}: {share:.0f} % explained by a jump")
line = torch.arange(float(len(steps)))
print(f"a straight line: {100 * explained(line):.0f} % explained")

# %% [markdown]
# A straight line, in which no step differs from any other, gets 75 %. So this test can hardly fail, and a verdict that rests on it says nothing. A test that can: how much of the whole rise falls into the steepest tenth of the steps? Of a line 10 %, of a jump all. The criterion of the ledger asks for half, in every seed.

# %%
for r in seeds:
    waits = [m["waits"] for m in r.metrics]
    steep = 100 * stats.steepest(waits)
    print(f"seed {r.config['seed']}: {steep:.0f} % of the rise of waits in the",
          "steepest tenth of the steps")  # fmt: skip

# %% [markdown]
# A little under half in four seeds, a little over in one: four times what a line has, and not what was asked of every seed. No jump, and no even growth either.
#
# Suppose that each step multiplies the odds of reflecting, $p : (1-p)$, by the same factor. Then the *log-odds*, $\log \frac{p}{1-p}$, grow by the same amount each step, and the share $p$ itself traces an S: slow, fast, slow. *Predict: is our curve straight on that scale? If it is, a rise by 4 takes four times as many steps as a rise by 1.*


# %%
def log_odds(share):
    inside = np.clip(share, 0.004, 0.996)  # one of 256: no logarithm of zero
    return np.log(inside / (1 - inside))


def steps_to(curve, rise):
    """The first step from which on five lie that much higher than the first five."""
    smooth = np.convolve(curve, np.ones(5) / 5, "valid")
    return int(np.argmax(smooth >= smooth[0] + rise)) + 1


figure, axes = plots.canvas(2)
axes[0].plot(steps, 100 * reflecting.T, color=plots.GREEN, linewidth=1)
axes[0].set(title="A moment?", ylabel="completions that reflect, %", ylim=(0, 100))
axes[1].plot(steps, log_odds(reflecting).T, color=plots.GREEN, linewidth=1)
axes[1].set(title="On log-odds: flat, then steep", ylabel="log-odds of reflecting")
for axis in axes:
    axis.set_xlabel("RL step")
plots.show(
    figure, f"The same {len(seeds)} seeds, a line each; n = 128 completions a step."
)

# %%
four = log_odds(reflecting), curves("accuracy", factor=128)
easy = experiments.recorded("habits", "rule")
three = (
    log_odds(curves(habits.key("in order"), easy)),
    curves("accuracy", easy, factor=128),
)
for name, (odds, right) in (("four", four), ("three", three)):
    for curve, at_first in zip(odds, right[:, :5].mean(1), strict=True):
        one, more = steps_to(curve, 1), steps_to(curve, 4)
        print(f"{name} numbers: {at_first:4.0f} of 128 right at first; log-odds rise",
              f"by 1 in {one:2} steps, by 4 in {more:2}: "
              f"{more / one:.1f} times")  # fmt: skip

# %% [markdown]
# It is not straight. The first unit takes some fifty steps, the next three some twenty. So training does speed up, and for a plain reason. GRPO learns from differences inside a group. At first some six of 128 answers are right, most groups hold no right one at all, and a step is mostly noise. Every right answer that a search finds makes searching likelier, so the next step finds more to learn from.

# %% [markdown]
# So was there an aha moment? Not in the sense that something new begins: at step 1 some 6 of 100 completions reflect. But there is a stretch of training in which what was rare becomes the rule, and it comes when the reward has enough to hold on to. Seen with a check every few hundred steps, that looks like a moment.

# %% [markdown]
# ## 8. Controls
#
# Maybe any reward would have done it. For Qwen models that is no joke: random rewards alone raised MATH-500 by 21 points ("Spurious rewards", 2025). Or the base could do it all along, and only had to be kept from stopping. Each is a run that could have come out the other way:
#
# * `random`: a coin for a reward. `format`: the format part only.
# * `think-on`: no training at all. The untrained base may not end its thoughts before it has said yes.
#
# * `parts`: another base. On Countdown it has read every part of a search (tries, comparisons, yes and no), but never a second try after a no. If a reward can put known parts together to something new, here it can.

# %% [markdown]
# ### Exercise 04.3 · predict · 3 min · difficulty 2 of 5
# With four numbers, some 7 of 100 answers of the base hold a second try. How many do after 85 steps of the *format* reward? The first table in part 2 has the hint.

# %%
my_guess = ...  # percent

# %%
checks.check("04.3", my_guess)

# %% [markdown]
# <details><summary>Solution 04.3</summary>
#
# ```python
# my_guess = 6
# ```
#
# About as many as before. Under the format reward an answer that tries again earns what any other earns, so nothing pulls at it either way.
#
# </details>

# %%
ARMS = ("rule", "think-on", "random", "format", "parts")
SAYS = {"three": "beats thinking on", "four": "is no better than thinking on"}
for experiment, numbers in (("habits", "three"), ("zero", "four")):
    figure, axes = plots.canvas(2)
    for x, arm in enumerate(ARMS):
        found = experiments.recorded(experiment, arm)
        ends = [r.summary.get("after") or r.summary["measured"] for r in found]
        colour = plots.BLUE if x == 0 else plots.GREY
        for axis, key in zip(axes, ("accuracy", "second_try"), strict=True):
            start = None
            if "before" in found[0].summary:
                start = np.mean([100 * r.summary["before"][key] for r in found])
            plots.seeds(axis, x, [100 * end[key] for end in ends], colour, start)
        right, second = (np.mean([100 * e[k] for e in ends])
                         for k in ("accuracy", "second_try"))  # fmt: skip
        print(f"{numbers} numbers, {arm:8} right {right:5.1f} %, "
              f"a second try in {second:5.1f} % of the answers")  # fmt: skip
    axes[0].set(title=f"{numbers.capitalize()}: RL {SAYS[numbers]}", ylabel="right, %")
    axes[1].set(
        title="Of rewards, rule alone teaches it", ylabel="with a second try, %"
    )
    for axis in axes:
        axis.set_ylim(0, 100)
        axis.set_xticks(range(len(ARMS)), ARMS, rotation=30)
    if experiment == "zero":
        plots.mark_guess(axes[1], ARMS.index("format"), checks.guess("04.3"))
    words = "After training: mean over seeds (bar), each seed (dot), n = 512 problems; "
    plots.show(figure, words + "dotted: before training.")

# %% [markdown]
# `parts` knows every part of a search and puts no second try together. But look at `think-on`. With four numbers the untrained base, only kept from stopping before it has said yes, is right about as often as the model after 85 steps. So what was learned? When to begin a search, not to stop it, and to find sooner (lesson 01: 6 to 9 points ahead at 64 to 256 tokens), not to find more. The ledger asked for ten points above this control. They are missing, although accuracy rises ninefold.

# %% [markdown]
# With three numbers it is another matter: made to think on, the base mostly tries at random; trained, it goes through all ways in order, and is right more often in fewer tokens.

# %% [markdown]
# ## 9. Under the microscope
#
# What did training change, token by token? Let both models read the same completion. At each place both have a distribution over the next token; the distance between the two is the KL of lesson 02, in nats. (A fair coin that has become certain has moved by 0.7.) On the trained model's own completions these distances add up to the KL of the whole policy, so the change can be divided among places.
#
# Here is one completion after training on three numbers. The deeper the colour, the further the choice at that place moved; below it stands the chance of the token, before and after. *Predict: how many of the tokens are coloured?*

# %%
SEEN, readings = 16 if environment.fast() else 64, {}
for name, size, cap in (("habits-rule-s0", 3, 600), ("zero-rule-s0", 4, 900)):
    policy, _ = models.load_trained(models.DATA / "runs" / name / "trained", "rich")
    asked = tasks.problems("countdown", SEEN, 0, "test", size=size)
    how = evaluate.Sampling("tiny", cap, 0)
    texts = evaluate.answer(policy, tokenizer, asked, how).texts
    readings[size] = [
        microscope.read(model, policy, tokenizer, tasks.prompt(p, "tiny"), text)
        for p, text in zip(asked, texts, strict=True)
    ]
lengths = [len(r.pieces) for r in readings[3]]
one = readings[3][lengths.index(sorted(lengths)[SEEN // 2])]  # of middle length
widgets.coloured(one, "The completion of middle length, run habits, seed 0.")

# %% [markdown]
# Most of it stands behind the first result. The base would have stopped or compared there; the trained model writes "; " and thereby begins to go through all ways in order. What follows is what the base would have done after such a beginning, too. Is this one typical? The sum over many completions, by kind of place; a black line marks what each kind would get if the change lay evenly on all tokens.

# %%
figure, axes = plots.canvas(2)
for axis, (size, read) in zip(axes, readings.items(), strict=True):
    found = microscope.by_place(read)
    whole, n = (sum(part[i].sum() for part in found.values()) for i in (0, 1))
    for x, (kind, (moved, tokens)) in enumerate(found.items()):
        mean, low, high = stats.mean_interval(moved)
        axis.bar(x, mean, 0.6, color=plots.BLUE, alpha=0.6)
        axis.vlines(x, low, high, color=plots.BLUE)
        even = whole / len(read) * tokens.sum() / n
        axis.hlines(even, x - 0.35, x + 0.35, color="black")
        print(f"{size} numbers, {kind:15} {mean:5.1f} nats an answer "
              f"[{low:.1f}, {high:.1f}], {100 * moved.sum() / whole:3.0f} % of the "
              f"change, {100 * tokens.sum() / n:3.0f} % of the tokens")  # fmt: skip
    axis.set_xticks(range(len(found)), found, rotation=30)
    axis.set(ylim=(0, None), ylabel="moved, nats an answer")
axes[0].set_title("Three numbers: one decision")
axes[1].set_title("Four: which sums are tried")
plots.show(
    figure,
    f"Seed 0, n = {SEEN} completions of the trained model; 95 % interval. "
    "Black: spread evenly over the tokens.",
)

# %% [markdown]
# With three numbers some four fifths of the change lie right behind a result, at an eighth of the tokens. Set that decision by hand, and the untrained base should do as well as the trained model. Part 2 has done it: there "in order" was begun by force.

# %%
after = [r.summary["after"]["accuracy"] for r in experiments.recorded("habits", "rule")]
by_hand = begun["in order"]
mean, low, high = (100 * x for x in (by_hand["accuracy"], *by_hand["ci95"]))
print(f"base, one decision set by hand: {mean:.0f} % right "
      f"[{low:.0f}, {high:.0f}]; trained, {len(after)} seeds: "
      + ", ".join(f"{100 * a:.0f}" for a in after))  # fmt: skip

# %% [markdown]
# So the rest of the change is worth little. With four numbers it is the other way round: most of the change is about which sums are tried, and `think-on`, which has nothing of it, is right as often. Where a policy has moved far need not be where it has improved.
#
# ### Exercise 04.5 · code · 20 min · difficulty 4 of 5
# You choose what wins. Under the rule reward the ordered search passes guessing first. Write a reward under which trying *at random* does. Two limits: it lies between 0 and 1, and no wrong answer earns more than a right one. The check pays some thousand answers of the base with it and makes the forecast of part 2.


# %%
def my_reward(text, right):
    """text: a completion; right: True or False, the judge's word; returns: pay."""
    ...  # your code


# %%
checks.check("04.5", my_reward)

# %% [markdown]
# <details><summary>Solution 04.5</summary>
#
# ```python
# def my_reward(text, right):
#     ordered = ";" in text or "；" in text
#     return right * (0.2 if ordered else 1.0)
# ```
#
# The ordered search is right in nine of ten answers, so it must earn much less for each. To pay it half is not enough: it would still earn nearly as much as trying at random, and there is more of it at first. To train with it, write it down in a file as `r1lab/rewards.py` does (a list of completions in, a list of numbers out) and run `python -m r1lab run habits --reward mine.py:reward`.
#
# </details>

# %% [markdown]
# ## 10. Emergence or amplification?
#
# The report says that these behaviours are "not explicitly programmed". True: nobody wrote them into the reward. But the authors say themselves that the pre-training data of their base holds a substantial amount of reasoning-like text (version 2, appendix A.1). We made the text of our base, and can check: of its texts on four numbers 5 in 100 search at random and 1 or 2 set a sub-goal. At step 1 the model does so in as many of its answers; after training it searches at random in eight of ten.

# %% [markdown]
# A second test asks what the model *can* do, not what it does. Draw many samples from each model and count *pass@k*, the share of problems with a right answer among k: does the trained one solve problems that the base never solves? With three numbers that shows nothing, since even blind guesses hit soon. So: four numbers, a line for guesses that know only the rules, and one for `parts`, which never tries twice. *Predict: at 32 samples a problem, who solves more?*

# %%
few, K = (4, 8) if environment.fast() else (32, 32)
RUN = models.DATA / "runs" / "zero-rule-s0" / "trained"
trained, _ = models.load_trained(RUN, "rich")
asked = tasks.problems("countdown", few, 0, "test", size=4)
powers = [2**i for i in range(K.bit_length())]
figure, axis = plots.canvas(width=5.5)
policies = ("base", model, plots.GREY), ("trained", trained, plots.BLUE)
policies += (("parts", models.load("parts")[0], plots.ORANGE),)
for name, policy, colour in policies:
    how = evaluate.Sampling("tiny", 900, 7, K)
    found = evaluate.answer(policy, tokenizer, asked, how)
    table = [
        [stats.pass_at_k(K, int(c), k) for k in powers] for c in found.correct.sum(1)
    ]
    low, high = np.transpose([stats.mean_interval(v)[1:] for v in np.transpose(table)])
    mean = np.mean(table, 0)
    axis.plot(powers, 100 * mean, color=colour, marker=".", label=name)
    axis.fill_between(
        powers, 100 * low, 100 * high, color=colour, alpha=0.2, linewidth=0
    )
    said = (f"pass@{k} {100 * v:.0f} %" for k, v in zip(powers, mean, strict=True))
    print(f"{name:8}" + "  ".join(said))
luck = competence.chance(asked, 4 * K, powers)
axis.plot(powers, [100 * v for v in luck.values()], "k:", label="guesses by the rules")
axis.set_xscale("log", base=2)
axis.set(title="The distance shrinks with k", ylabel="solved, %")
axis.set(xlabel="samples a problem, k", ylim=(0, 103))
axis.legend(fontsize=8)
words = f"n = {few} held-out problems, {K} samples each; 95 % interval over problems."
plots.show(figure, words)

# %% [markdown]
# With one sample the trained model is far ahead; with 32 the base comes nearer, and so does luck. Mind the price: its answer costs as many tokens as some eight of the base, so compare its first point with the base's fourth. There it is ahead; its third and the base's last are level. Yue and others report for large models that bases even overtake at large k (2025). Within 32 samples ours does not; beyond, 32 problems cannot tell.
#
# ### Exercise 04.7 · predict · 2 min · difficulty 2 of 5
# A third test changes what the base has read. Of the texts of `dose-8` on Countdown 8 % search, of those of `dose-0` none, and three bases lie between; all know sums, comparisons, yes and no. Same reward, 60 steps, three numbers. `dose-0` starts at 6 % right, `dose-8` at 10; `rich`, with 12 % and twice the text, ended near 90. Where does `dose-8` end?

# %%
my_dose = ...  # percent right after training

# %%
checks.check("04.7", my_dose)

# %% [markdown]
# <details><summary>Solution 04.7</summary>
#
# ```python
# my_dose = 79
# ```
#
# </details>

# %%
figure, axis = plots.canvas(width=5.6)
PERCENT = "0", "0.1", "0.5", "0.5-long", "2", "2-long", "8"
for x, percent in enumerate(PERCENT):
    found = experiments.recorded("habits", f"dose-{percent}")
    for key in ("accuracy", "second_try"):
        before = np.mean([100 * r.summary["before"][key] for r in found])
        after = [100 * r.summary["after"][key] for r in found]
        if key == "accuracy":
            plots.seeds(axis, x, after, plots.BLUE if x else plots.GREY, before)
        print(f"dose-{percent:8} {key:10} {before:4.1f} % before; after:",
              ", ".join(f"{a:.1f}" for a in after))  # fmt: skip
plots.mark_guess(axis, 6, checks.guess("04.7"))
axis.set(
    title="Of little search little comes, at first", ylabel="right, %", ylim=(0, 100)
)
axis.set_xticks(range(7), [p.replace("-long", ",\n300 steps") for p in PERCENT])
axis.set_xlabel("of the texts on Countdown search, %")
plots.show(figure, f"Mean, a dot a seed; n = {found[0].summary['n']} held-out "
           "problems. Dotted: before.")  # fmt: skip

# %% [markdown]
# `dose-8` gains 69.4 points [65.5, 73.3], `dose-0` 3.8 [2.0, 5.6], by better guesses (five seeds, one base each). At least 30 and under 10 were asked. `dose-0` could hardly fail: it has never read `; ` or ` no; `. `dose-0.1` and `dose-0.5` have, and end no better, the latter not in 300 steps (13 %). On `dose-2` it is a matter of time, and of luck: in 300 steps four seeds come to search (59 to 66 %), in one the habit dies out (13 %). Priming is not in this criterion: in lesson 05 `parts` takes the habit from 50 examples and gains nothing.

# %% [markdown]
# ## 11. TinyZero, by the guest of the episode
#
# [TinyZero](https://github.com/Jiayi-Pan/TinyZero) is R1-Zero with Qwen2.5 of 0.5 to 7 billion parameters, on the two tasks of our base. It was announced with four findings, without accuracies:

# %%
from r1lab.claims import scoreboard, verdicts
from r1lab.experiments import distillation, tinyzero

LEDGER = {row["id"]: row for row in scoreboard.every()}
FOUR = {"size": "T-02", "start": "T-03", "algorithm": "T-04", "task": "T-05"}
for about, number in FOUR.items():
    print(textwrap.fill(f"{about}: {LEDGER[number]['statement']}", 84))

# %% [markdown]
# Each has a stand-in here, with three numbers: a base with a third of the weights; a base first taught its own right answers; PPO with its critic beside GRPO, four updates a rollout; and for the task, products of two numbers.
#
# ### Exercise 04.6 · predict · 2 min · difficulty 1 of 5
# With 64 answers a step and 256 tokens `rich` ends at 77 %. Where does the base with a third of its weights end, from about the same start? The first panel draws your guess. *Predict the other three, too.*

# %%
my_end = ...  # percent

# %%
checks.check("04.6", my_end)

# %% [markdown]
# <details><summary>Solution 04.6</summary>
#
# ```python
# my_end = 65
# ```
#
# Somewhat lower. Lesson 06 asks why.
#
# </details>

# %%
get, COLOURS = experiments.recorded, (plots.GREY, plots.BLUE)
RL, TUNED, TIMES = get("judge", "rule")[:5], get("tuned", "tuned"), get("times", "rule")
SMALL = [distillation.first(run) for run in get("distillation", "rl")]
PPO, GRPO = get("losses", "ppo-1"), get("losses", "updates-4")
BARS = {  # the question: name of a bar -> its runs, and what is counted
    "Too small?": {"a third": (SMALL, "accuracy"), "rich": (RL, "accuracy")},
    "PPO or GRPO?": {"PPO": (PPO, "accuracy"), "GRPO": (GRPO, "accuracy")},
    "Another task?": {"in parts": (TIMES, "in_parts"), "again": (TIMES, "tries_again")},
}


def before_after(runs, key):
    """Percent before and after training, a value a seed each."""
    return ([100 * run.summary[w][key] for run in runs] for w in ("before", "after"))


# %%
figure, axes = plots.canvas(4, width=2.7, sharey=True)
for axis, (question, bars) in zip(axes[[0, 2, 3]], BARS.items(), strict=True):
    for x, (name, (runs, key)) in enumerate(bars.items()):
        before, after = before_after(runs, key)
        plots.seeds(axis, x, after, COLOURS[x], np.mean(before))
        print(f"{question:14}{name:9}{np.mean(before):3.0f} % before; after:",
              ", ".join(f"{a:.0f}" for a in after))  # fmt: skip
    axis.set_xticks([0, 1], bars)
    axis.set_title(question)
for name, runs, colour in zip(("base", "tuned"), (RL, TUNED), COLOURS, strict=True):
    rows = [[100 * m["accuracy"] for m in r.metrics if "reward" in m] for r in runs]
    mean = plots.band(axes[1], range(1, len(rows[0]) + 1), rows, colour, name)
    print(f"A faster start? {name:6} at step 1 {mean[0]:.0f} %; half-way at step",
          ", ".join(str(tinyzero.halfway(run)) for run in runs))  # fmt: skip
untrained = np.mean(next(before_after(RL, "accuracy")))
axes[1].axhline(untrained, color="black", linestyle=":", linewidth=1)
axes[1].set(title="A faster start?", xlabel="RL step")
axes[1].legend(fontsize=8, loc="center right")
axes[0].set(ylabel="of the answers, %", ylim=(0, 100))
plots.mark_guess(axes[0], 0, checks.guess("04.6"))
plots.show(
    figure,
    f"After training: mean, a dot a seed, n = {RL[0].summary['n']} held-out problems "
    f"({TIMES[0].summary['n']} products). Second panel: n = 64 a step, 95 % interval. "
    "Dotted: before.",
)

# %%
for about, number in FOUR.items():
    print(f"{about}, {number}: {verdicts.WORDS[LEDGER[number]['verdict']]}")
    for one in LEDGER[number]["conditions"]:
        line = f"{scoreboard.seen(one)}, asked {one['asked']:g}: {one['metric']}"
        print(textwrap.fill(line, 84, initial_indent="  ", subsequent_indent="    "))

# %% [markdown]
# Size: no threshold. With a third of the weights an answer makes ten tries, too; one seed of five is late. Start: half-way counts from nothing, so a head start counts as speed; compare the slopes. Algorithm: two that learn nothing have equal bars, too, so look how far these stand above the dotted line. Task: of the products in the base's texts two thirds were in parts already, so at most a third can be won.
#
# ## 12. On your GPU
#
# TinyZero's own size and task on a card of 24 GB, with LoRA in the place of all weights.

# %%
if torch.cuda.is_available():
    folder = records.place("lesson-04-card")
    widgets.training_dashboard(folder, "zero", preset="gpu24")
else:
    print("no card here: python -m r1lab run zero --preset gpu24")

# %% [markdown]
# Is LoRA as good as all weights? On the tiny model, three rates each; a seed takes the rate at which the others learned most in training.

# %%
from r1lab.experiments import ranks

for arm in ranks.ARMS:
    ends = [100 * r.summary["after"]["accuracy"] for r in get("ranks", arm.name)]
    print(f"{arm.label.split(': ')[1]:26}", " ".join(f"{end:.0f}" for end in ends))
(seen,) = LEDGER["X-14"]["conditions"]
print(textwrap.fill(f"{seen['metric']}: {scoreboard.seen(seen)}", 84))

# %% [markdown]
# No difference in the mean: 0.0 points [-4.8, 4.9], one seed at 58 %; three below are not excluded. Rank 1 wants 33 times the rate.
#
# The card's model is Qwen2.5-3B, rank 16, a rate of 1e-5, 200 steps of 64 completions of up to 512 tokens. We have not run it. A smaller card gets word problems: `--preset t4`.
#
# ## 13. The spike of "wait"
#
# Version 2 says that "wait" was nearly absent early and spiked after step 8,000, and that the length cap was doubled at step 8,200. A longer cap gives room for every word. That can be tested without training.

# %% [markdown]
# ### Exercise 04.4 · experiment · 8 min · difficulty 3 of 5
# Let the same trained model (the recorded one of seed 0, four numbers) answer the same problems twice: with a cap of 900 tokens, as in training, and with 450. By which factor does the number of waits in an answer grow from the small cap to the large one? `wait_count(cap)` below gives it. Predict first: the policy is the same.


# %%
def wait_count(cap):
    """Mean number of waits and tries in an answer, and the share that is right."""
    policy, _ = models.load_trained(RUN, "rich")
    asked = tasks.problems("countdown", 64, 0, "test", size=4)
    found = evaluate.answer(
        policy, tokenizer, asked, evaluate.Sampling("tiny", cap, seed=3)
    )
    rows = zip(found.problems, found.texts, found.verdicts, strict=True)
    seen = [reflection.trace(*row) for row in rows]
    return np.mean([t.waits for t in seen]), found.correct.mean()


factor = ...  # waits at 900 divided by waits at 450

# %%
checks.check("04.4", factor)

# %% [markdown]
# <details><summary>Solution 04.4</summary>
#
# ```python
# factor = wait_count(900)[0] / wait_count(450)[0]
# ```
#
# About 1.5, from the very same policy (other sampling seeds: 1.5 to 1.6), and more answers are right. So divide by the tokens, or hold the cap still.
#
# </details>

# %% [markdown]
# ## 14. Verdicts
#
# What was asked of these claims, and what came out, computed when this cell runs.

# %%
mine = {"Z-01", "Z-03", "Z-04", "Z-05", "Z-07", "K-13", "T-01", "T-06", "RW-01"}
mine |= {"X-04", "X-14", "Z-12"}
print(scoreboard.text([LEDGER[number] for number in LEDGER if number in mine]))

# %% [markdown]
# What one *sees* is there in every seed: answers grow, reflection and tries with them, accuracy too. What it is *worth* is another question, and there the control decides: against a base that may not stop, R1-Zero's claim does not hold here. Nor do the hard problems gain most: with a cap of 900 tokens their search does not end in time.

# %% [markdown]
# ## The sentence that stays
#
# **A reward makes likely what the base could already do; ask what that is before you call it learning to reason.**

# %% [markdown]
# ## What you can now do
#
# Answer without looking, then open.
#
# <details><summary>1. How do you know before training which behaviour will grow?</summary>
#
# Split the base's own answers by it and compare their rewards: what grows is the best paid that is not too rare.
#
# </details>
# <details><summary>2. Which controls does an R1-Zero run need?</summary>
#
# Useless rewards, a base without the behaviour, and the untrained base that may not stop; several seeds of each.
#
# </details>
# <details><summary>3. Why count distinct tries and not only words?</summary>
#
# A word can become a tic. A different sum, compared and given up, cannot.
#
# </details>
# <details><summary>4. What does "a jump explains 90 % of the variance" show?</summary>
#
# Little: a straight line reaches 75 %. Ask instead how much of the rise lies in a tenth of the steps.
#
# </details>
# <details><summary>5. Emergence or amplification?</summary>
#
# Amplification, as far as these runs can tell: the winning way stands in the base at step 1, and what changes is how often it is taken.
#
# </details>

# %% [markdown]
# ## What this leaves out
#
# * A base of a million weights, one kind of problem, some eighty steps.
# * Our base's text is synthetic, and its share of reflecting texts was our choice. It decides how fast the S begins.

# %% [markdown]
# ## References
#
# * DeepSeek-R1, [arXiv 2501.12948](https://arxiv.org/abs/2501.12948), versions 1 and 2, sections 2.2.3 and 2.2.4, Figures 2 and 3, Table 3.
# * Liu and others, There may not be aha moment in R1-Zero-like training: [oat-zero](https://github.com/sail-sg/oat-zero).
# * Gandhi and others, Cognitive behaviors that enable self-improving reasoners, [arXiv 2503.01307](https://arxiv.org/abs/2503.01307).
# * Yue and others, Does reinforcement learning really incentivize reasoning capacity, [arXiv 2504.13837](https://arxiv.org/abs/2504.13837).
# * Shao and others, Spurious rewards, [arXiv 2506.10947](https://arxiv.org/abs/2506.10947).
# * [TinyZero](https://github.com/Jiayi-Pan/TinyZero), README, and the thread of 24 January 2025 that announced it.
