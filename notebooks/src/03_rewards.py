# %% [markdown]
# # 03 · Rewards
# [Open in Colab](@COLAB@) · Paper: [DeepSeek-R1](https://arxiv.org/abs/2501.12948), sections 2.2.2, 2.2.3 and 5 · Podcast from minutes 57:22, 1:05:01 and 2:20:07
#
# **Question.** Why does R1-Zero let two rules judge, and what happens when a network judges in their place?
#
# **You will be able to** 1. write the two rules so that they hold (exercise 03.1), 2. break verifiers that trust a text (03.2), 3. say before training where a learned judge can be cheated (03.3, 03.4), 4. mend a reward whose hole you know (03.5), 5. say what an update makes of rewards that come late (03.6).
#
# **Before this** lesson 02.
#
# **Time** 70 min reading and doing; running: @MINUTES@.
#
# **Needs** no GPU, no download.

# %% tags=["setup"]
# @SETUP@

# %%
import re

import numpy as np

from r1lab import checks, drawings, evaluate, experiments, grpo, models, plots, policy
from r1lab import records, rewards, stats, tasks, value, verify, widgets
from r1lab.claims import scoreboard
from r1lab.machine import environment
from r1lab.tasks.reading import Unreadable, read_expression

# %% [markdown]
# ## 1. Two rules
#
# R1-Zero is paid by two rules and nothing else (section 2.2.2). One asks whether the answer is right, one whether it stands in its form: thoughts in their tags, then the answer in its tags. Nature's version of the report adds that both weigh the same:
#
# $$r = \underbrace{r_{\text{accuracy}}}_{\text{1 if right, else 0}} + \; w \cdot \underbrace{r_{\text{format}}}_{\text{1 if in its form}} \qquad w = 1 \text{ in the paper, } 0.1 \text{ in most of this course}$$
#
# By hand: reach 22 from 3, 7, 12. The answer `3+7+12` is right and in its form, so it earns 1.1. `3*7` in the right tags forgets the 12, so it earns 0.1. `3+7+12` without tags earns nothing: the rule does not look for an answer where none was given.

# %%
problem = tasks.Problem("countdown", (3, 7, 12), 22)
ANSWERS = {
    "right": "<think>3+7=10, 10+12=22</think><answer>3+7+12</answer>",
    "a number missing": "<think>3*7=21</think><answer>3*7</answer>",
    "no tags": "3+7+12",
    "two answers": "<think></think><answer>3+7+12</answer><answer>3*7</answer>",
    "nobody can read it": "<think></think><answer>twenty-two</answer>",
}
for name, text in ANSWERS.items():
    columns = {"completions": [text], "verdicts": [verify.verify(problem, text)]}
    (paid,), _ = rewards.score(*rewards.reward_set("rule"), **columns)
    print(f"{name:20} {paid:.1f}   {columns['verdicts'][0].reason}")

# %% [markdown]
# Below is a bench. Type a completion and see what each reward pays for it, and why. The last two rows are learned judges, and both refuse this right answer; we come to them in part 4. Try to earn 1.1 with a wrong one.

# %%
widgets.reward_bench(problem, ANSWERS["right"])

# %% [markdown]
# ### Exercise 03.1 · code · 8 min · difficulty 2 of 5
# Write the rule for the form. A completion is in its form when all of it is `<think>...</think>` and then `<answer>...</answer>`, each tag once. Blanks and line ends around the two parts are allowed, other text is not. What stands inside does not matter.


# %%
def my_format(text):
    """text: a completion; returns: True or False."""
    ...  # your code


# %%
checks.check("03.1", my_format)

# %% [markdown]
# <details><summary>Solution 03.1</summary>
#
# ```python
# import re
#
#
# def my_format(text):
#     tags = "<think>", "</think>", "<answer>", "</answer>"
#     whole = r"\s*<think>.*</think>\s*<answer>.*</answer>\s*"
#     once = all(text.count(tag) == 1 for tag in tags)
#     return once and bool(re.fullmatch(whole, text, re.S))
# ```
#
# `search` in the place of `fullmatch` would pay for the form somewhere inside a longer text, and a model that is paid for it will find that out.
#
# </details>

# %% [markdown]
# Your rule, or the course's, now reads real answers: those of the base, before any training.

# %%
FAST = environment.fast()
well_formed = checks.mine("03.1", my_format, verify.is_formatted)
held_out = tasks.problems("countdown", 16 if FAST else 256, 0, "test")
model, tokenizer = models.load("rich")
how = evaluate.Sampling("tiny", 200 if FAST else 400, seed=0, per_problem=4)
base = evaluate.answer(model, tokenizer, held_out, how)
right = base.correct.flatten()
formed = np.array([well_formed(text) for text in base.texts])
print(f"right {100 * right.mean():.1f} %, in their form {100 * formed.mean():.1f} %,"
      f" n = {len(right)} answers to {len(held_out)} problems")  # fmt: skip
for name in ("form and right", "form and wrong", "no form"):
    which = formed & right if "right" in name else formed & ~right
    share = (~formed if name == "no form" else which).mean()
    print(f"  {name:15} {100 * share:5.1f} %")

# %% [markdown]
# ## 2. What the form weighs
#
# Before training, a forecast from these numbers. Nearly all answers have their form already. So in about six of ten groups everybody earns the form's reward, and it cancels in the advantage. It speaks only where a tag is missing. *Predict: does it matter whether the form weighs 0.1 or 1? And a base that leaves tags out in most answers: does it learn the form or the answers first?*
#
# The second base is made from the first: 24 steps of imitation on its own answers, right and wrong as they came, three of four with a tag left out.

# %%
figure, axes = plots.canvas(2)
arms = {"weight 1": ("form", "equal"), "weight 0.1": ("habits", "rule")}
arms |= {"weight 0": ("form", "none")}
colours = plots.ORANGE, plots.BLUE, plots.GREY
for (name, arm), colour in zip(arms.items(), colours, strict=True):
    for i, run in enumerate(experiments.recorded(*arm)):
        curve, _ = plots.smooth([100 * line["accuracy"] for line in run.metrics])
        label = name if i == 0 else None
        axes[0].plot(range(1, len(curve) + 1), curve, color=colour, label=label)
        print(f"{name:11} seed {run.config['seed']}: held out"
              f" {100 * run.summary['after']['accuracy']:.1f} % right")  # fmt: skip
parts = {"reward_format_tags": ("in their form", plots.GREEN)}
parts |= {"accuracy": ("right", plots.BLUE)}
for i, run in enumerate(experiments.recorded("form", "untidy")):
    lines = [line for line in run.metrics if "reward" in line]
    for key, (name, colour) in parts.items():
        curve, _ = plots.smooth([100 * line[key] for line in lines])
        label = name if i == 0 else None
        axes[1].plot(range(1, len(curve) + 1), curve, color=colour, label=label)
axes[0].set(title="Accuracy: no difference seen", ylabel="right, %")
axes[1].set(title="The form first, the answers later", ylabel="of a step's answers, %")
for axis in axes:
    axis.set(xlabel="RL step", ylim=(0, 102))
    if axis.lines:
        axis.legend(fontsize=8)
plots.show(figure, "A line a seed; n = 128 answers a step, mean of five steps.")

# %% [markdown]
# For accuracy no difference is seen: the means are 88, 90 and 89 %. One seed of fifteen ends at 82 %, with weight 1, and it alone keeps the ledger from saying that equal weights cost less than five points. For the form there is one: without weight 85 to 88 % of the held-out answers end in their form, with it 88 to 92 %.
#
# The untidy base has made half of its way to the form after 5 or 6 steps, and half of its way to the answers after 29 to 43. Without tags nothing counts as right, so accuracy cannot be ahead of the form for long: that the form comes first is partly built in. How far ahead it comes is not. A tag is the same one in every answer, and a search must be carried through. This base ends at 75 to 85 % right.

# %% [markdown]
# ## 3. Four verifiers and how they break
#
# The rule is only as good as its reader. Here are four ways to read an answer that can be found in public code for training and for benchmarks, each in a few lines. (The second one calls Python's `eval` in the original. Never do that with a model's text; `read_expression` reads the same sums and runs nothing.)


# %%
def contains(text, target):  # the target stands somewhere
    return str(target) in text


def is_value(expression, target):
    try:
        return read_expression(expression)[0] == target
    except Unreadable:
        return False


def computes(text, target):  # some expression has the value, whatever its numbers
    parts = re.findall(r"[0-9(][0-9+*/() -]*", text)
    return any(is_value(part, target) for part in parts)


def last_number(text, target):
    return re.findall("[0-9]+", text)[-1:] == [str(target)]


def first_number(text, target):  # behind the tag of the answer
    return re.findall("[0-9]+", text.partition("<answer>")[2])[:1] == [str(target)]


LENIENT = contains, computes, last_number, first_number
for name, text in ANSWERS.items():
    said = ", ".join(f.__name__ for f in LENIENT if f(text, 22)) or "none"
    print(f"{name:20} ours: {verify.verify(problem, text).reason:14} paid by: {said}")

# %% [markdown]
# No one meant to write a bad verifier. Each was made for some kind of answer; the last two for one that is a single number, and they refuse our sums. A policy under training is not honest or dishonest: it writes more of what was paid.
#
# ### Exercise 03.2 · experiment · 6 min · difficulty 2 of 5
# Write one text that is wrong and that all four take for right, for whatever numbers and target. Experiment with the cell above.


# %%
def my_break(numbers, target):
    """numbers: three integers; target: an integer; returns: a completion, wrong."""
    ...  # your code


# %%
checks.check("03.2", my_break)

# %% [markdown]
# <details><summary>Solution 03.2</summary>
#
# ```python
# def my_break(numbers, target):
#     return f"<answer>{target}</answer>"
# ```
#
# To say the target once, where all of them look, is enough. Ours reads one block, asks for each number once, and refuses the rest.
#
# </details>

# %% [markdown]
# The same question about the answers of the base: how many does each verifier pay that are wrong? And this policy was never trained against it.

# %%
targets = [p.target for p in base.repeated()]
for rule in LENIENT:
    paid = np.array([rule(t, n) for t, n in zip(base.texts, targets, strict=True)])
    good = 100 * right[paid].mean() if paid.any() else 0
    print(f"{rule.__name__:13} pays {100 * paid.mean():5.1f} % of the answers;",
          f"of those {good:5.1f} % are right")  # fmt: skip

# %% [markdown]
# ## 4. A judge that learns
#
# For most questions there is no rule. Who wants to train on them trains a judge: a network that is shown answers with marks, right or wrong, and learns to tell. R1 decides against it, because such *reward models* get cheated when training is long, and have to be trained anew (2.2.2).
#
# We have two. They have never seen arithmetic executed: the thoughts, where sums are worked out, are cut away before them, and an answer holds no result. What they know about sums they have guessed from marks. The first, `judge-85`, also sees how long was thought, and that is all it sees of the thoughts; it is a single layer, so that its weights can be read. The second, `judge-96`, is a small network that was shown many more answers, among them right ones found by a program.

# %%
SEES = "problem", "answer", "length of thoughts", "thoughts", "value of answer"
figure, axis = plots.canvas(height=2.4, width=7.5)
views = {"rule": (0, 1, 4), "judge-85": (0, 1, 2), "judge-96": (0, 1)}
table = {n: {c: i in v for i, c in enumerate(SEES)} for n, v in views.items()}
drawings.sees(axis, table)
axis.set_title("What each judge looks at")
plots.show(
    figure, "The rule computes the value of the answer; the learned judges cannot."
)

# %% [markdown]
# How good are they? We ask them about the base's answers to problems with numbers they have never met. Beware of a plain share here. Most answers of the base are wrong, so a judge that refuses everything is right in most cases (first line of the print). So: of the right answers, how many does it approve; of the wrong ones, how many does it refuse; and the mean of the two, which is one half for a judge that knows nothing. *AUC* asks for the order alone: of all pairs of a right and a wrong answer, in how many does the right one get the higher score?

# %%
rows = zip(base.repeated(), base.texts, base.verdicts, strict=True)
seen = [value.seen(p, text, v.answer) for p, text, v in rows]
found = np.array([v.answer is not None for v in base.verdicts])
shown = [one for one, there in zip(seen, found, strict=True) if there]
marks = right[found]
print(f"refusing everything: right about {100 - 100 * np.mean(marks):.1f} %")
judges, reports = {}, {}
for name in value.JUDGES:
    judges[name] = value.load(name)
    report = reports[name] = value.examined(judges[name], shown, marks)
    kept, refused = 100 * report["approves_right"], 100 * report["rejects_wrong"]
    print(f"{name}: approves {kept:.0f} % of the right, refuses {refused:.0f} % of",
          f"the wrong: balanced {100 * report['accuracy']:.1f} %,",
          f"AUC {report['auc']:.3f}, n = {report['n']}")  # fmt: skip

# %%
figure, axis = plots.canvas()
axis.plot([0, 100], [0, 100], ":", color=plots.GREY, label="it means what it says")
for name, colour in zip(value.JUDGES, (plots.ORANGE, plots.BLUE), strict=True):
    bins = [b for b in reports[name]["calibration"] if b]
    points = [(100 * said, 100 * true) for said, true, _ in bins]
    axis.plot(*zip(*points, strict=True), "o-", color=colour, label=name)
axis.set(title="Near the line in seven points of ten", xlabel="says: right with, %")
axis.set(ylabel="are right, both classes alike, %", xlim=(0, 100), ylim=(0, 102))
axis.legend(fontsize=8)
plots.show(figure, f"n = {len(marks)} answers of the untrained base, in fifths.")

# %% [markdown]
# The names are what was measured when they were made, on fresh answers of the kind they learned from (`data/judges`). For `judge-85` one of seven of those had a search begun by force. Here searches are rarer, half of the right answers are lucky guesses, and those it cannot tell from other guesses. By such numbers one would know what to expect of it. But they say how a judge does on answers of the *base*, and training will change the answers.
#
# ## 5. A forecast
#
# As always before a training: what do the base's own answers earn, split by what they do? The split here is the one thing of the thoughts that `judge-85` can see.

# %%
words = np.array([one.words for one in seen])
scored = {n: np.array(value.scores(j, seen)) for n, j in judges.items()}
groups = {
    f"{low:3} to {high - 1:4} words": found & (words >= low) & (words < high)
    for low, high in ((0, 1), (1, 20), (20, 60), (60, 150), (150, 1000))
}
groups["no answer"] = ~found
print(f"{'thoughts':18}     n    right    judge-85    judge-96   (mean scores)")
for name, inside in groups.items():
    if inside.any():
        means = "".join(f"{s[inside].mean():12.2f}" for s in scored.values())
        share = 100 * right[inside].mean()
        print(f"{name:18}{inside.sum():6} {share:6.0f} %{means}")
weight = judges["judge-85"].length.item()
print(f"judge-85 pays {weight:+.2f} where the thoughts are 2.7 times as long")

# %% [markdown]
# A score is the *log-odds* that the answer is right, $\log \frac{p}{1-p}$ of its probability $p$: above 0 the judge approves. In the base's text long thoughts are searches, and searches mostly end right. So to `judge-85` length is a sign of truth, and it is one, so far.
#
# Now the forecast. Both judges pay searching, so searching will grow, and with it the truth. Then nearly all answers search, and nothing more is to be won there. What still earns more with `judge-85` is a longer search, and the longest are those that never come to an answer. Nobody has ever marked such a one for it: what it is shown then is an empty answer (last row), and it goes by the length.

# %% [markdown]
# ### Exercise 03.3 · predict · 3 min · difficulty 2 of 5
# After 60 steps of being paid by `judge-85`: how many of a step's answers are truly right? The base has 12 to 14 of 100 where completions may have 256 tokens. Your guess is drawn beside what came out; nobody judges it.

# %%
my_guess = ...  # percent

# %%
checks.check("03.3", my_guess)

# %% [markdown]
# <details><summary>Solution 03.3</summary>
#
# ```python
# my_guess = 50
# ```
#
# There is no right guess. The figure below has the five recorded runs.
#
# </details>

# %% [markdown]
# ## 6. Paid by the judge
#
# The loop of lesson 02 with another reward. The verifier looks on and pays nothing. Every few steps we ask one fixed problem, so that you see the same thing change. This run is yours (seed 5); the recorded ones follow. Completions may have 256 tokens.

# %%
STEPS, P, CAP, EVERY = (4, 4, 96, 2) if FAST else (60, 8, 256, 6)
policy_model = models.add_lora(model, rank=8, seed=5)
learner = policy.learner(policy_model, tokenizer, 1.5e-3)
pool = tasks.problems("countdown", 64 if FAST else 4096, 0, "train")
config = grpo.Config(steps=STEPS, prompts=P, group=8, max_new=CAP, lr=1.5e-3, seed=5)
PROBE = held_out[0]


def probe(step):
    """One answer to the fixed problem, and what is said of it."""
    how = evaluate.Sampling("tiny", CAP, seed=1)
    found = evaluate.answer(policy_model, tokenizer, [PROBE], how)
    text, verdict = found.texts[0], found.verdicts[0]
    given = value.seen(PROBE, text, verdict.answer)
    (score,) = value.scores(judges["judge-85"], [given])
    return widgets.moment(step, text, f"judge {score:+.1f}, truth: {verdict.reason}")


# %%
moments, own = [probe(0)], []
for roll in grpo.train(learner, pool, rewards.reward_set("judge-85"), config):
    line = roll.line()
    own.append((100 * line["reward_approved"], 100 * line["accuracy"], line["length"]))
    if roll.step % EVERY == 0:
        moments.append(probe(roll.step))
        mean = np.mean(own[-EVERY:], 0)
        print(f"step {roll.step:2}: the judge approves {mean[0]:3.0f} %,"
              f" right are {mean[1]:3.0f} %, {mean[2]:3.0f} tokens")  # fmt: skip

# %%
widgets.growth(tasks.short(PROBE), moments)

# %% [markdown]
# The five recorded seeds, under each judge and under the rule. Proxy and truth stand on one axis: what the judge approves, and what is right.

# %%
figure, axes = plots.canvas(3, width=3.4, sharey=True)
titles = {
    "judge-85": "judge-85: cheated",
    "judge-96": "judge-96: not in 60 steps",
    "rule": "The rule",
}
lines = {"reward_approved": plots.ORANGE, "accuracy": plots.BLUE}
for axis, (arm, title) in zip(axes, titles.items(), strict=True):
    for run in experiments.recorded("judge", arm)[:5]:  # the rule has more: part 10
        for key, colour in lines.items():
            if key in run.metrics[0]:
                curve, _ = plots.smooth([100 * line[key] for line in run.metrics])
                axis.plot(range(1, len(curve) + 1), curve, color=colour, linewidth=1)
        end = run.summary["after"]
        true, approved = (100 * end[key] for key in ("accuracy", "judge_85"))
        print(f"{arm:9} seed {run.config['seed']}: held out {true:5.1f} % right,",
              f"judge-85 approves {approved:5.1f} %, "
              f"{end['length']:.0f} tokens")  # fmt: skip
    axis.set(title=title, xlabel="RL step", ylim=(0, 102))
for column, colour in enumerate(lines.values()):
    curve, _ = plots.smooth([step[column] for step in own])
    axes[0].plot(range(1, len(curve) + 1), curve, ":", color=colour, linewidth=2)
plots.mark_guess(axes[0], 60, checks.guess("03.3"))
axes[0].set_ylabel("of a step's answers, %")
axes[0].plot([], color=plots.ORANGE, label="approved")
axes[0].plot([], color=plots.BLUE, label="right")
axes[0].legend(fontsize=8)
plots.show(figure, "A line a seed, mean of five steps; n = 64 a step. Dotted: yours.")

# %% [markdown]
# In all five seeds truth and approval rise together at first, as forecast, to 43 to 63 % right near step 25. From step 37 on at most 3 of a step's 64 answers are right, mostly none, while the judge approves 97 to 100 %. On held-out problems no answer of 512 is right in any seed, and all are approved. The policy writes until its 256 tokens are used up, and what the judge is shown then is an empty answer behind a long thought. It need not be a search: open the last moments above.
#
# `judge-96` ends at 73 to 79 % right, the rule itself at 76 to 78 %. On the base's own answers it is the better judge by far (above), and it sees no length. These runs cannot say which of the two saves it, and in a longer training there may be something else.

# %% [markdown]
# ## 7. What the judge loves
#
# A policy needs many steps to find a hole that you can find by looking. You know what the judge sees.
#
# ### Exercise 03.4 · code · 10 min · difficulty 4 of 5
# Write a completion that is wrong and that `judge-85` approves, for any numbers and target. It is tried on 24 held-out problems, and 9 of 10 must be approved. The message says what `judge-96` thinks of the same texts: can you fool that one, too?


# %%
def my_cheat(numbers, target):
    """numbers: three integers; target: an integer; returns: a completion, wrong."""
    ...  # your code


# %%
checks.check("03.4", my_cheat)

# %% [markdown]
# <details><summary>Solution 03.4</summary>
#
# ```python
# def my_cheat(numbers, target):
#     most = max(numbers)
#     thoughts = "1+1=2, " * 200
#     return f"<think>{thoughts}</think><answer>({most}+{most})+{most}</answer>"
# ```
#
# Nonsense, but much of it. The judge has learned that long thoughts go with right answers, and it cannot read them. `judge-96` sees no thoughts, so this does not move it.
#
# </details>

# %% [markdown]
# ## 8. The judge at the end only
#
# R1's second stage of reinforcement learning lasts 1,700 steps, and a reward model for preferences pays in the last 400 alone, because longer use led to cheating (version 2, 3.2.2 and appendix B.5). Our stand-in: the rule for 45 steps, `judge-85` in its place for the last 15 (R1 kept its rules beside it); beside it each alone for all 60.

# %%
figure, axis = plots.canvas(width=5.5)
shown = {"rule": "never", "late": "last quarter", "judge-85": "always"}
for x, (arm, name) in enumerate(shown.items()):
    found = experiments.recorded("judge", arm)[:5]
    ends = [100 * run.summary["after"]["accuracy"] for run in found]
    if ends:
        axis.bar(x, np.mean(ends), color=plots.BLUE, width=0.6, alpha=0.5)
        axis.plot([x] * len(ends), ends, ".", color=plots.BLUE)
        print(f"{name:13} right {np.mean(ends):5.1f} %, seeds: "
              + ", ".join(f"{end:.1f}" for end in ends))  # fmt: skip
start = [100 * run.summary["before"]["accuracy"] for run in found]
axis.axhline(np.mean(start), color=plots.GREY, linestyle="--", label="base")
axis.set_xticks(range(3), list(shown.values()))
axis.set(title="Late is nearly as bad as always", ylabel="right, %", ylim=(0, 100))
axis.legend(fontsize=8)
plots.show(figure, "Held-out problems, n = 512 a seed; bar: mean; dots: seeds.")

# %% [markdown]
# Fifteen steps are enough. On the last quarter alone the judge leaves 0 to 14 % of the answers right, where the rule would have left 76 to 78. That is little better than always, which ends at 0 in every seed, so the difference cannot be negative; its interval holds zero all the same. To use a judge late helps where late is shorter than the way to its hole, and how long that way is, one learns from those who have gone it. R1's authors had seen their own reward model cheated before they chose 400 steps.

# %% [markdown]
# ## 9. Keep the judge honest
#
# ### Exercise 03.5 · code · 12 min · difficulty 5 of 5
# You have `judge-85` and no verifier. You know its score, how many words the thoughts had, and whether an answer was found. Design a reward that keeps the policy out of the hole. It is tried on a policy with four ways to answer: guess (12 words, 8 % right, 88 of 100 answers at first), search (80 words, 95 % right), search without end (250 words, no answer), guess behind padding (400 words). Each step multiplies a share by exp(0.3 x its advantage). At the end 80 of 100 answers must be right.


# %%
def my_reward(score, words, answered):
    """score: log-odds of judge-85; words: of the thoughts; answered: True or False;
    returns: a number."""
    ...  # your code


# %%
checks.check("03.5", my_reward)

# %% [markdown]
# <details><summary>Solution 03.5</summary>
#
# ```python
# def my_reward(score, words, answered):
#     return min(score, 1.5) if answered else -5.0
# ```
#
# Two repairs. What the judge was never shown, an empty answer, is taken from it. And its score is cut off, so that beyond some length more of it earns nothing: padding earns then as much as a search and grows with it, from 0.5 to 5 of 100 answers. Both need somebody who knows the hole. In a large network nobody knows the next one. Hence the other ways: mix in the rule where there is one, stay close to where the judge was trained (a KL term), train the judge anew on the policy's own answers, or stop early.
#
# </details>

# %% [markdown]
# ## 10. Rewards that come late
#
# A sum is checked in microseconds. A change to a program is checked by running its tests, which takes minutes. For this reason, R1's report says, software engineering has seen little reinforcement learning (section 5). It names two remedies: to imitate the right ones of many answers, and to check while training goes on.
#
# The second never waits, but when a reward comes the policy has moved on. By hand: with rewards four updates late, update 6 learns from completions that were sampled after update 1. To one of their tokens the policy of then gave 0.50, and now it gives 0.55. The ratio of lesson 02 is 1.1, so the token counts 1.1 times. At 0.60 it is 1.2, and if the completion was good, the clip takes all beyond.
#
# Here are eight updates, each reward four updates late. Before the first one, five steps of completions are sampled, all by the base.

# %%
late_model = models.add_lora(models.load("rich")[0], rank=8, seed=6)
late = policy.learner(late_model, tokenizer, 1.5e-3)
few = 4 if FAST else 8
config = grpo.Config(
    steps=few, prompts=4, group=8, max_new=96, lr=1.5e-3, seed=6, delay=4
)
for roll in grpo.train(late, pool, rewards.reward_set("rule"), config):
    moved = roll.report["stale"] or 0.0  # None: no group had anything to teach
    print(f"update {roll.step}: written {min(roll.step - 1, 4)} updates ago; since then"
          f" a token's log-probability has moved by {moved:.4f}")  # fmt: skip

# %% [markdown]
# 0.01 would be a ratio of 1.01 or 0.99. That is a mean, and most tokens are certain: the few that decide move further.
#
# ### Exercise 03.6 · predict · 3 min · difficulty 3 of 5
# The setting of part 6 with the rule: 60 updates on as many completions, rewards at once or 1, 4 and 16 updates late. At once, 74 to 81 of 100 held-out answers are right. How many with rewards 16 updates late? The base has 12 to 14. Your guess is drawn beside what came out; nobody judges it.

# %%
my_late_guess = ...  # percent

# %%
checks.check("03.6", my_late_guess)

# %% [markdown]
# <details><summary>Solution 03.6</summary>
#
# ```python
# my_late_guess = 60
# ```
#
# There is no right guess. A way to one: the newest completions that are learned from were written after update 43, as if the last 16 updates could not be seen. Where the curve of rewards at once stands there is a first guess, and it takes the steps to be as good as fresh ones.
#
# </details>

# %%
arms = {"at once": ("judge", "rule"), "1 update late": ("delay", "delay-1")}
arms |= {f"{n} updates late": ("delay", f"delay-{n}") for n in (4, 16)}
waited = {name: experiments.recorded(*arm) for name, arm in arms.items()}
for name, runs in waited.items():
    ends = [100 * run.summary["after"]["accuracy"] for run in runs]
    lines = [line for run in runs for line in run.metrics[16:]]
    moved = [line.get("stale") or 0.0 for line in lines]
    if runs:
        taken = 100 * np.mean([line["clipped"] for line in lines])
        print(f"{name:16} held out {np.mean(ends):5.1f} % right, {len(ends)} seeds:"
              f" {min(ends):.1f} to {max(ends):.1f}; moved by {np.mean(moved):.4f},"
              f" clipped {taken:.2f} %")  # fmt: skip

# %%
figure, axes = plots.canvas(2)
colours = plots.BLUE, plots.GREEN, plots.ORANGE, plots.GREY
for (name, runs), colour in zip(waited.items(), colours, strict=True):
    for i, run in enumerate(runs):
        (stage,) = run.config["stages"]  # what waits at first is all the base's
        seen = [100 * line["accuracy"] for line in run.metrics[stage["delay"] :]]
        label = name if i == 0 else None
        axes[0].plot(plots.smooth(seen)[0], color=colour, linewidth=1, label=label)
        axes[0].plot(60, 100 * run.summary["after"]["accuracy"], ".", color=colour)
        taken = [100 * line["clipped"] for line in run.metrics]
        axes[1].plot(range(1, 61), plots.smooth(taken)[0], color=colour, linewidth=1)
untrained = [
    r.summary["before"]["accuracy"] for found in waited.values() for r in found
]
axes[0].axhline(100 * np.mean(untrained), color="black", linestyle=":", label="base")
plots.mark_guess(axes[0], 60, checks.guess("03.6"))
axes[0].set(title="How fast is it learned?", ylabel="right, %", ylim=(0, 102))
axes[0].set_xlabel("updates made when the completions were sampled")
axes[1].set(title="What the clip takes", xlabel="update", ylabel="of the tokens, %")
axes[0].legend(fontsize=8)
plots.show(figure, "A line a seed, mean of five steps, n = 64 a step; dots: held out.")

# %% [markdown]
# Rewards at once are the control: the same updates, on completions of the same problems, with the same random numbers. Their ratio is 1 and the clip takes nothing. A run that learned nothing would stay at the dotted line.
#
# One update late costs nothing that we can see: 74 to 81 %, as at once. Four cost 4.3 points [2.5, 6.1]; whether less than three stays open. With 16 the model is half way when the run ends: 40 % right against 77.
#
# What differs first is the pace. By the policy that sampled, half of the answers are right at update 15 to 26 at once and at 29 to 42 with four late. So four updates of waiting cost some fifteen of learning. The clip is hardly the reason: it takes 0.4 % of the tokens with four late. More likely the direction is old.

# %% [markdown]
# The comparison is by updates, not by hours. Where a check takes minutes and an update seconds, the run that waits makes a fraction of them in the same time. Then even a costly delay may be the better bargain, and these runs do not measure it.

# %% [markdown]
# ## 11. The template
#
# The last part of what surrounds an answer is the prompt. R1-Zero's *template* (section 2.2.3, Table 1), the words around a problem that make a prompt of it, asks for thoughts and for tags and says nothing about how to think, so that what develops is the model's own. But a template is not neutral: it can cost a base accuracy before any training. Liu and others ("Understanding R1-Zero-like training", Table 1) measured Qwen2.5-Math-1.5B: 7.9 % with R1's template, 24.2 % with its own chat template, 33.1 % with none. Here is the same for SmolLM2-135M on sums, and for our base in its two languages.

# %%
import json

report = json.loads((models.DATA / "smollm2.json").read_text())
for template, one in report["templates"].items():
    low, high = (100 * x for x in one["ci95"])
    print(f"SmolLM2, {template:8} right {100 * one['accuracy']:4.1f} %"
          f" [{low:.1f}, {high:.1f}], n = {one['n']} sums")  # fmt: skip
base_model, _ = models.load("rich")
for template in ("tiny", "tiny-zh"):
    how = evaluate.Sampling(template, 96 if FAST else 400, seed=2)
    found = evaluate.measure(evaluate.answer(base_model, tokenizer, held_out, how))
    low, high = (100 * x for x in found["ci95"])
    print(f"rich, {template:8} right {100 * found['accuracy']:4.1f} %",
          f"[{low:.1f}, {high:.1f}], n = {found['n']}")  # fmt: skip

# %% [markdown]
# SmolLM2 is at the floor under each template, so nothing follows from it; our base reads both languages alike. To see what Liu and others saw takes a model that solves some of the problems.

# %% [markdown]
# ### The same sums within reach
#
# SmolLM2 knows some of these sums, but at temperature 1 its digits rarely come out right. So we ask it greedily: each token is the likeliest one. Completions have at most 16 tokens; the verifier takes the answer in its tags or, without tags, the last number. Three templates: question and answer; SmolLM2's own chat template; R1's. Here is each, with a completion of the base and one of the last step (temperature 0.6).

# %%
FORMS = {"qa": "question, answer", "smollm2": "chat", "r1": "R1"}
by_template = {t: experiments.recorded("templates", t) for t in FORMS}
for template, runs in by_template.items():
    for line in runs[0].samples[:: max(1, len(runs[0].samples) - 1)] if runs else ():
        posed = tasks.Problem("addition", tuple(line["numbers"]), line["target"])
        if line["step"] == 1:
            print(f"--- {FORMS[template]}:\n{tasks.prompt(posed, template)}")
        text = line["completions"][0]
        said = verify.verify(posed, text).reason
        print(f"    step {line['step']:2}, {tasks.short(posed)}: {text!r}: {said}")

# %% [markdown]
# Who writes the right sum and goes on with another question has another last number, and is wrong. Who begins with "To find the sum of" may use up the 16 tokens. None of this is arithmetic.
#
# ### Exercise 03.7 · predict · 3 min · difficulty 2 of 5
# Each template is trained on by itself: 16 steps, paid by the rule. Take the one that is worst before. Of 100 held-out sums, how many are right in it afterwards? Your guess is drawn beside what came out; nobody judges it.

# %%
my_template_guess = ...  # percent

# %%
checks.check("03.7", my_template_guess)

# %% [markdown]
# <details><summary>Solution 03.7</summary>
#
# ```python
# my_template_guess = 50
# ```
#
# There is no right guess. In lesson 06, part 10, the same model, in its chat template at temperature 1, goes from 2 or 3 % to 68, 75 and 48 % in 24 steps, seed by seed.
#
# </details>

# %%
figure, axes = plots.canvas(2)
colours = plots.BLUE, plots.GREEN, plots.ORANGE
for (template, runs), colour in zip(by_template.items(), colours, strict=True):
    ends = [
        [100 * run.summary[w]["accuracy"] for run in runs] for w in ("before", "after")
    ]
    for i, pair in enumerate(zip(*ends, strict=True)):
        label = FORMS[template] if i == 0 else None
        axes[0].plot([0, 1], pair, ".-", color=colour, linewidth=1, label=label)
    rows = [[100 * line["accuracy"] for line in run.metrics] for run in runs]
    if len(rows) > 1:
        for row in rows:
            axes[1].plot(range(1, len(row) + 1), plots.smooth(row)[0], color=colour,
                         lw=1)  # fmt: skip
        mean, low, high = stats.seeds_interval([[one] for one in ends[1]])
        print(f"{FORMS[template]:17} before {ends[0][0]:4.1f} %; after {mean:4.1f} %"
              f" [{low:.1f}, {high:.1f}], seeds "
              + ", ".join(f"{one:.1f}" for one in ends[1]))  # fmt: skip
plots.mark_guess(axes[0], 1, checks.guess("03.7"))
axes[0].set_xticks([0, 1], ["base", "trained"])
axes[0].set(title="The last one ends first", ylabel="right, %", ylim=(0, 102))
axes[1].set(title="All rise early", xlabel="RL step", ylim=(0, 102))
axes[1].set_ylabel("of a step's answers, %")
if axes[0].lines:
    axes[0].legend(fontsize=8)
plots.show(
    figure,
    "Left: n = 320 held-out sums, greedy, a line a seed. "
    "Right: n = 64 a step at temperature 0.6, a line a seed, mean of five steps.",
)

# %% [markdown]
# Before training 33 % are right as question and answer, 31 % in R1's and 7 % in the chat template: 26 points apart. So a template is not neutral (TP-01, as we read it), though here the chat template is last, not R1's as with Liu and others: in it the model begins to talk, and 16 tokens run out.
#
# Afterwards the last is first. The chat template has won 67 points and ends at 74 %, R1's at 66, question and answer at 61. What it cost was no knowledge of sums. But alike they are not: best and worst end 12 points apart, with a wide interval (TP-02, inconclusive). One seed of question and answer lags, with 55 %: nothing in that form says where an answer ends.
#
# A model that had learned nothing would draw flat lines: the base's greedy answers are the same for every seed. Three that end alike would still seem a little apart.

# %% [markdown]
# The three were chosen on sums of the train split because they differ there: templates can differ, not all do. In 16 tokens there is no room for thoughts. None comes near 100 %, so no ceiling brings them together.

# %% [markdown]
# ## 12. On your GPU
#
# The judges read a problem and an answer, not a model's tokens. So the same experiment runs with Qwen2.5-3B on a card of 24 GB; only the preset changes.

# %%
import torch

if torch.cuda.is_available():
    folder = records.place("lesson-03")
    summary = widgets.training_dashboard(folder, "judge", "judge-85", preset="gpu24")
else:
    print("no card here: python -m r1lab run judge --arm judge-85 --preset gpu24")

# %% [markdown]
# There LoRA has rank 16 and a rate of 1e-5, completions have 512 tokens and the run 200 steps. And its problems have four numbers. We have not run it. A large model varies less; but its first answers are longer, and that may lead it to the hole sooner.
#
# ## 13. Verdicts
#
# Computed from the recorded runs when this cell runs; the criteria were written before.

# %%
mine = {"RW-01", "RW-02", "RW-03", "RW-04", "RW-05", "RW-06", "TP-01", "TP-02", "FW-04"}
rows = [row for row in scoreboard.every() if row["id"] in mine]
print(scoreboard.text(rows))

# %% [markdown]
# RW-01 stays open: the mean is 89.7 %, three seeds are below 90, and over one of them `think-on` is less than ten points behind. RW-02 holds in every seed, but this judge was taken after a trial with another seed had shown that it is cheated; the five seeds show that it happens reliably. Two earlier judges were not cheated in 25 and 38 steps, too few to say that they never are. RW-03 stays open because of one seed. RW-06 cannot be tested at this scale, and its stand-in is undecided.

# %% [markdown]
# FW-04 stays open: late rewards cost something, whether less than three points is not decided; its criterion was changed to ten seeds before the first run, because five leave three points open between arms that do not differ. TP-01, as we read it, fails. TP-02 stays open: three of five planned seeds are recorded, and they neither meet nor miss what was asked. The criteria of both were changed before the first run, so that a base at the floor and three models that fall together do not count.

# %% [markdown]
# ## The sentence that stays
#
# A judge that is right about yesterday's answers was measured on yesterday's answers. **What a reward looks at is what you will get, true or not.**

# %% [markdown]
# ## What you can now do
#
# Answer without looking, then open.
#
# <details><summary>1. What do R1-Zero's two rules pay?</summary>
#
# One for the right answer, one for the form; both weigh the same.
#
# </details>
# <details><summary>2. Why is a substring no verifier?</summary>
#
# The target can be said without being reached.
#
# </details>
# <details><summary>3. A judge is right in 95 of 100 of the base's answers, and 93 of 100 are wrong. Is it good?</summary>
#
# Refusing everything would give 93. Ask for both classes apart.
#
# </details>
# <details><summary>4. How do you find a judge's hole before training does?</summary>
#
# Split the base's answers by what the policy can change and the judge can see; look what still pays when the truth is the same.
#
# </details>
# <details><summary>5. How does one keep a learned judge honest?</summary>
#
# Hide from it what can be turned, use it late and shortly, mix in rules, train it anew.
#
# </details>
# <details><summary>6. What does an update make of late rewards?</summary>
#
# It weighs tokens by their ratio, and clips.
#
# </details>

# %% [markdown]
# ## What this leaves out
#
# * Two judges, each trained once. Judges trained with other seeds would have other holes. And they differ in four things at once: how many answers they were shown, of which kind (`judge-96`: right ones found by a program, too), whether they see a length, and a line against a network.
# * We chose what they see. That a weight on length can be cheated is no surprise once it stands there. Two other judges, tried first, were not cheated within 25 and 38 steps (`data/runs/README.md`).
# * No judge of preferences between two answers, no judge that thinks before it judges (lesson 08).
# * No judge was trained anew on the policy's answers.
# * Three templates, one model of 135 million parameters, sums without thoughts.
# * All rewards came equally late; real checks end when they end.

# %% [markdown]
# ## References
#
# * DeepSeek-R1, [arXiv 2501.12948](https://arxiv.org/abs/2501.12948), sections 2.2.2, 2.2.3 and 5; version 2, section 3.2.2, appendix B.5, Figure 6; Nature 645, 633 (2025).
# * Gao and others, Scaling laws for reward model overoptimization, [arXiv 2210.10760](https://arxiv.org/abs/2210.10760).
# * Liu and others, Understanding R1-Zero-like training, [arXiv 2503.20783](https://arxiv.org/abs/2503.20783), Table 1 and section 3.3.
# * [TinyZero](https://github.com/Jiayi-Pan/TinyZero), whose reward for the form is 0.1.
