# %% [markdown]
# # 01 · Thinking longer, or asking more often
# [Open in Colab](@COLAB@) · Paper: [Learning to reason with LLMs](https://openai.com/index/learning-to-reason-with-llms/) (o1, 2024) · Podcast from minute 16:06
#
# **Question.** What do more tokens buy when nothing more is learned, and who tells a right answer from a wrong one?
#
# **You will be able to** 1. cut a thought at a budget and draw the curve (01.1), 2. say what "Wait" does (01.2), 3. vote, and say where a vote loses (01.3 to 01.5), 4. tell a vote, a learned scorer and a free check apart, 5. beat a vote at equal tokens (01.6).
#
# **Before this** lesson 00.
#
# **Time** 60 min reading and doing; running: @MINUTES@.
#
# **Needs** no GPU, no download.

# %% tags=["setup"]
# @SETUP@

# %%
import textwrap
from collections import Counter

import numpy as np
import torch

from r1lab import checks, drawings, evaluate, experiments, models, plots, scorer
from r1lab import search, stats, tasks, widgets
from r1lab.machine import environment

# %% [markdown]
# ## 1. Two charts
#
# In September 2024 OpenAI showed two charts of o1 on AIME, a school competition whose answers are whole numbers. On the left accuracy rises with *train-time compute*, the longer it learns by reinforcement. On the right it rises with *test-time compute*, the longer it may think about a question. Both horizontal axes are logarithmic and carry no units.
#
# We have read the right one from a copy of the picture. A slope by hand: the lowest point is 20.6 % at 2.35 units, the highest 74.9 % at 99.8. That is 54.3 points over $\log_{10}(99.8 / 2.35) = 1.63$ decades (a decade is a factor of ten), so some 33 points for ten times the compute.

# %%
FAST = environment.fast()
figure, axes = plots.canvas(2, sharey=True)
named = {
    "o1_test_time": "o1: more thinking, better answers",
    "o1_mini_again": "o1-mini, asked again by others",
}
for axis, (name, title) in zip(axes, named.items(), strict=True):
    x, y, record = plots.paper_curve(name)
    axis.plot(x, 100 * y, color=plots.BLUE, marker="o")
    axis.set(xscale="log", title=title, xlabel=record["x"], ylim=(0, 100))
    slope = np.polyfit(np.log10(x), 100 * y, 1)[0]
    print(f"{name}: {slope:.0f} points a decade, from {100 * y[0]:.0f} to",
          f"{100 * y.max():.0f} % over a factor of {x[-1] / x[0]:.0f}")  # fmt: skip
axes[0].set_ylabel("right on AIME, %")
plots.show(
    figure, "Left: digitised by us from a copy of the chart. No intervals given."
)

# %% [markdown]
# The slope through all seven points is about the one by hand. The right picture is an attempt by other people to draw the same with tokens on the axis. They told o1-mini how long to think. Above some 11,000 tokens it would not go on, so from 22,034 on each point is a majority vote of several answers.
#
# A chart like this can mean two things. The model may have learned to *use* more thought. Or any model that is kept from stopping would show it. OpenAI's chart cannot tell them apart, and ours can: we also have the model before it learned.
#
# %% [markdown]
# ## 2. A budget of thought
#
# Our subject is the model of `run zero`: a million weights that learned by reinforcement to reach a target from four numbers (lesson 04). It thinks inside `<think>` and `</think>`. A *budget* of B tokens means: what thinks longer is cut there, `</think><answer>` is written in its place, and the model has to answer at once. This is *budget forcing* (Muennighoff and others, s1, 2025).

# %%
figure, axis = plots.canvas(height=3.4, width=7.4)
drawings.ways_to_spend(axis)
axis.set_title("Five ways to spend tokens on one question")
plots.show(figure, "The first three in parts 2 to 5, the others from part 6 on.")

# %%
TRAINED = models.DATA / "runs" / "zero-rule-s0" / "trained"
model, tokenizer = models.load_trained(TRAINED, "rich")
base, _ = models.load("rich")
COUNT, CAP = (4, 160) if FAST else (32, 900)
asked = tasks.problems("countdown", COUNT, 0, "test", size=4)
found = evaluate.answer(model, tokenizer, asked, evaluate.Sampling("tiny", CAP, seed=5))
tokens = [
    tokenizer.convert_ids_to_tokens(tokenizer(text)["input_ids"])
    for text in found.texts
]
print(tasks.short(asked[0]))
print("\n".join(textwrap.wrap(found.texts[0][:700], 84)))
print(f"{len(tokens[0])} tokens, {found.verdicts[0].reason}")
low, high = (100 * x for x in stats.wilson(int(found.correct.sum()), COUNT))
share, length = 100 * found.correct.mean(), np.mean(found.lengths)
print(f"all {COUNT}: {share:.0f} % right [{low:.0f}, {high:.0f}], {length:.0f} tokens")


# %% [markdown]
# ### Exercise 01.1 · code · 8 min · difficulty 2 of 5
# Cut a completion at a budget. `tokens` is a list of texts, such as `["<think>", "3", "+", "4", "=", "7", "</think>", "<answer>", ...]`. The thoughts are what stands before `</think>`, their opening tag included. If they end by themselves within the budget, give the completion as it is. Otherwise give the first `budget` tokens of thought, then `"</think>"` and `"<answer>"`. Where the *cap*, the most tokens that a completion may have, has cut it, there is no `</think>` in it.


# %%
def my_cut(tokens, budget):
    """tokens: list of str; returns: list of str, what the model goes on from."""
    ...  # your code


# %%
checks.check("01.1", my_cut)

# %% [markdown]
# <details><summary>Solution 01.1</summary>
#
# ```python
# def my_cut(tokens, budget):
#     ended = "</think>" in tokens
#     thoughts = tokens[: tokens.index("</think>")] if ended else tokens
#     if ended and len(thoughts) <= budget:
#         return tokens
#     return thoughts[:budget] + ["</think>", "<answer>"]
# ```
#
# `<answer>` belongs to it. Without it the model may go on thinking in the place of the answer, and the budget would be none.
#
# </details>

# %% [markdown]
# Your function, or the course's, now cuts the completions above. So every budget sees the *same* thoughts, and two points of the curve differ in nothing but the cut. *Predict: at which budget is half of the final accuracy reached?*

# %%
cut = checks.mine("01.1", my_cut)


def under(budget):
    """(mean tokens of thought, share of right answers) under a budget."""
    begun = ["".join(cut(t, budget)) for t in tokens]
    forced = [i for i, text in enumerate(begun) if text != found.texts[i]]
    right = found.correct[:, 0].copy()
    if forced:
        posed, texts = [asked[i] for i in forced], [begun[i] for i in forced]
        how = evaluate.Sampling("tiny", 40, seed=6)
        answers = evaluate.answer(model, tokenizer, posed, how, texts)
        right[forced] = answers.correct[:, 0]
    sizes = [min(search.thinks(tokenizer, text)[0], budget) for text in found.texts]
    return np.mean(sizes), right.mean()


for budget in (8, 32, 128, 512, 900):
    spent, right = under(budget)
    print(
        f"budget {budget:3}: {spent:5.0f} tokens of thought, {100 * right:3.0f} % right"
    )

# %% [markdown]
# The answer behind a cut thought is a guess: four numbers put together in some way. What more tokens bring is more tries, and a try that fits is seen, because each one is compared with the target.
#
# Move the budget yourself. The slider stands over 20 other problems, answered just now; more of them need a long search than above, so its curve lies lower. Choose one and see where time runs out.

# %%
few = tasks.problems("countdown", 4 if FAST else 20, 1, "test", size=4)
data = widgets.budget.gather(
    model, tokenizer, few, evaluate.Sampling("tiny", CAP, seed=8)
)
widgets.budget_slider(data)

# %% [markdown]
# ## 3. The curve and its control
#
# One set of 32 problems is an anecdote. `run budgets` puts the five recorded models of `run zero` under eight budgets, 64 held-out problems with six answers each. Two more arms (an arm is one way to train or to ask, in all its seeds) get the same budgets without any training:
#
# * `base`: the model as it was before.
# * `think-on`: the base, whose end of thinking is forbidden until it has said yes. It has learned nothing. It only may not give up.
#
# *Predict: which of the two comes nearer to the trained model, and how near?*

# %%
COMMAND = "python -m r1lab record"


def runs(experiment, arm):
    """The recorded runs of an arm; says so where there are none yet."""
    there = experiments.recorded(experiment, arm)
    if not there:
        print(f"{experiment}, {arm}: not recorded yet: {COMMAND} {experiment}")
    return there


# %%
from r1lab.experiments import choices, test_time_compute as budgets, train_time
from r1lab.tiny_world import competence

ARMS = {"trained": plots.BLUE, "think-on": plots.ORANGE, "base": plots.GREY}
figure, axis = plots.canvas(width=6)
for arm, colour in ARMS.items():
    if there := runs("budgets", arm):
        budgets.curve(axis, there, colour, arm)
        ends = [r.summary["measured"]["natural"] for r in there]
        spent = np.mean([p["tokens"] for p in ends])
        right = [100 * np.mean(p["right"]) for p in ends]
        axis.plot(spent, np.mean(right), "o", color=colour, markersize=9)
        each = ", ".join(f"{v:.0f}" for v in right)
        mean = np.mean(right)
        print(f"{arm:8} ends after {spent:.0f} tokens, {mean:.1f} % right ({each})")
luck = competence.chance(tasks.problems("countdown", 64, 0, "test", size=4), 256, [1])
axis.axhline(100 * luck["1"], color="black", linestyle=":")
axis.text(8, 100 * luck["1"] + 2, "a guess by the rules", fontsize=8)
axis.set(title="Longer thoughts, better answers, trained or not", ylim=(0, 100))
axis.set(xscale="log", xlabel="mean tokens of thought", ylabel="right, %")
axis.legend(fontsize=8, loc="upper left")
plots.show(
    figure, "Four numbers; 64 problems x 6 answers a seed (thin). Dots: natural end."
)

# %% [markdown]
# The trained models rise by 37 to 42 points for ten times the thought; o1's chart by some 33. But `think-on` rises by 39 to 42 as well and ends as high, 52 to 56 % right against 49 to 57, for 10 % more tokens. Only below 400 tokens is the trained model ahead, at budgets from 64 to 256 by 6 to 9 points.
#
# So the shape of o1's chart is not yet a sign of learning. A base that is kept from stopping draws it, too. What training did here is the dot: the model goes on by itself to where its curve is high, and the base stops where it is low. In lesson 04 the same control decides the claim about R1-Zero.

# %%
for arm in ("trained", "think-on"):
    for run in runs("budgets", arm):
        points = [p for p in run.summary["measured"]["budgets"] if p["budget"] >= 32]
        x = np.log10([p["tokens"] for p in points])
        slope = np.polyfit(x, [100 * np.mean(p["right"]) for p in points], 1)[0]
        print(f"{arm:8} seed {run.config['seed']}: {slope:.0f} points a decade from 32",
              f"tokens on, over {x[-1] - x[0]:.2f} decades")  # fmt: skip

# %% [markdown]
# ## 4. Wait
#
# Budget forcing also works in the other direction. Where the model ends its thoughts, s1 takes the end away and writes "Wait" in its place. A 32-billion model gained from it on AIME: 50 % became 57 % (abstract of s1).
#
# ### Exercise 01.2 · predict · 3 min · difficulty 2 of 5
# Our trained model ends its thoughts when a try has fitted, or when it gives up. Each finished thought is told to wait once and thinks on, up to 900 tokens in all. By how many points does accuracy change? Write minus for a loss. Your guess is drawn into the figure; nobody judges it.

# %%
my_guess = ...  # points

# %%
checks.check("01.2", my_guess)

# %% [markdown]
# <details><summary>Solution 01.2</summary>
#
# ```python
# my_guess = -10
# ```
#
# A trial with 32 problems (of the train split) lost 9 points with one Wait and 23 with two. Most thoughts end because a try has fitted. Told to wait, the model looks for another one.
#
# </details>

# %%
word = "Wait, "
longer = search.waited(
    model, tokenizer, found, word, evaluate.Sampling("tiny", CAP, seed=9)
)
ended = search.within(
    model, tokenizer, longer, CAP, evaluate.Sampling("tiny", 40, seed=10)
)
before, after = found.correct[:, 0], ended.correct[:, 0]
lost, won = (before & ~after).sum(), (after & ~before).sum()
print(
    f"here: {100 * before.mean():.0f} % right, {100 * after.mean():.0f} % after a Wait;"
)
print(f"{lost} answers lost, {won} won")

# %%
figure, axis = plots.canvas(width=5)
for arm, colour in ARMS.items():
    for i, run in enumerate(runs("budgets", arm)):
        part = run.summary["measured"]
        path = [100 * np.mean(p["right"]) for p in (part["natural"], *part["waits"])]
        axis.plot(range(len(path)), np.subtract(path, path[0]), color=colour,
                  label=arm if i == 0 else None)  # fmt: skip
axis.plot([0, 1], [0, 100 * (after.mean() - before.mean())], "k--", label="here")
axis.axhline(0, color=plots.GREY, linewidth=0.8)
plots.mark_guess(axis, 1, checks.guess("01.2"))
axis.set(
    title="Wait costs whom a yes has stopped",
    xlabel="times told",
    ylabel="points against natural",
)
axis.set_xticks([0, 1, 2])
axis.legend(fontsize=8)
plots.show(figure, f"Recorded: 5 seeds a line each. Here: n = {COUNT}, one seed.")

# %% [markdown]
# One Wait costs the trained models 11 to 15 points and a second one 5 to 10 more, in every seed. `think-on` loses 28 to 35: behind the Wait nothing keeps the base from stopping any more. The base wins 6 to 8 points.
#
# The trained model compares each try with the target and ends on a yes. Taking that end away destroys what it knew. The base ends most thoughts behind its first guess, so being told to wait can only help it. "Wait" is no magic word: it pays where stopping was the mistake, as with s1, which had learned from a thousand examples when to stop.

# %% [markdown]
# ## 5. How a trained model spends its tokens
#
# R1's authors report that it thinks longer about harder problems (version 2, appendix E.4): under 7,000 tokens on easy ones, over 18,000 on the hardest. *Predict: is this so here, and was it so before training?* A trap: a wrong answer is often a long one. So each problem's pass rate comes from one half of its answers and its length from the other half, and what the cap has cut is left out.

# %%
TITLES = {
    "base": "base: as long on all",
    "trained": "trained: longer on hard ones",
}
figure, axes = plots.canvas(2, sharex=True)
for axis, arm in zip(axes, TITLES, strict=True):
    there = runs("budgets", arm)
    for run in there:
        one, other = run.summary["measured"]["halves"]
        length = [np.nan if n is None else n for n in other["length"]]
        axis.plot(100 * np.array(one["right"]), length, ".", color=ARMS[arm], alpha=0.4)
    rho = [-budgets.harder_longer(run) for run in there]
    print(f"{arm:8} rank correlation of pass rate and length:",
          ", ".join(f"{r:+.2f}" for r in rho))  # fmt: skip
    axis.set(title=TITLES[arm], xlabel="pass rate in one half, %")
axes[0].set_ylabel("mean tokens in the other half")
plots.show(figure, "A dot a problem and seed; finished answers alone.")
print(
    "answer the same behind own thoughts, none, another's; tries twice: greedy, at 0.6"
)
for run in runs("budgets", "trained"):
    part = run.summary["measured"]
    numbers = [part["thoughts"][k] for k in ("own", "none", "other")]
    numbers += [np.mean(part["repeats"][t]) for t in ("0.0", "0.6")]
    shown = "  ".join(f"{100 * v:3.0f} %" for v in numbers)
    print(f"seed {run.config['seed']}: {shown}")


# %% [markdown]
# After training it is so: the rank correlation of pass rate and length is -0.5 to -0.75, in the base 0.0 (which solves so few that its number would be small even if its length followed difficulty). A search ends where a try fits, later on hard problems. `think-on`, untrained, has part of it (-0.2 to -0.5). So to think longer need not be a judgement of difficulty.
#
# The last lines ask whether the thoughts are *faithful*: does the answer follow from them? o1's report hopes to watch a hidden chain of thought, "assuming it is faithful and legible". So the model answers once more behind its own thoughts, behind none, and behind another problem's. It repeats its answer in 78 to 87, in 0 to 2 and in 0 of 100 cases. The answer stands on the thoughts.

# %% [markdown]
# R1's authors avoid *greedy* decoding, which always takes the likeliest token, because long answers then repeat themselves (section 3). Here 89 to 94 % of greedy answers try something twice, against 61 to 72 at temperature 0.6.
#
# %% [markdown]
# ## 6. Many answers
#
# Instead of one long thought one can pay for many answers. o1 on AIME 2024: 74 % with one, 83 % by a majority of 64, 93 % when a learned scorer picks from 1,000.
#
# Countdown cannot test a vote. An answer there can be checked for free, by working it out, and many different ones are right. So a vote would be either pointless or a check in disguise. Multiplication is the other task our base has read: one right answer, and no way to check it but to do it again.

# %%
FEW, K = (8, 16) if FAST else (48, 64)
products = tasks.problems("multiplication", FEW, 0, "test")
many = evaluate.answer(base, tokenizer, products, evaluate.Sampling("tiny", 200, 11, K))
ballots = search.ballots(many)
print(f"one answer: {100 * many.correct.mean():.0f} % right,",
      f"{np.mean(many.lengths):.0f} tokens")  # fmt: skip
for problem, votes in zip(products[:4], ballots, strict=False):
    counted = Counter(votes).most_common(4)
    print(f"{tasks.short(problem)} = {problem.target}: ",
          ", ".join(f"{n} x {answer}" for answer, n in counted))  # fmt: skip
three = tasks.problems("countdown", 1, 0, "test", size=4)[0]
print(f"{tasks.short(three)}: {competence.solutions(three)} ways are right")

# %% [markdown]
# ### Exercise 01.3 · code · 6 min · difficulty 2 of 5
# Write the vote. `answers` is a list of texts; one that could not be read is `""` and has no vote. Give the most frequent answer, of equally frequent ones the one that came first, and `""` if nothing could be read.


# %%
def my_vote(answers):
    """answers: list of str; returns: str."""
    ...  # your code


# %%
checks.check("01.3", my_vote)

# %% [markdown]
# <details><summary>Solution 01.3</summary>
#
# ```python
# from collections import Counter
#
#
# def my_vote(answers):
#     votes = Counter(answer for answer in answers if answer)
#     return max(votes, key=votes.__getitem__, default="")
# ```
#
# Leave the unread ones in, and on hard problems the winner is the empty text.
#
# </details>

# %% [markdown]
# ### Exercise 01.4 · predict · 2 min · difficulty 1 of 5
# One answer of the base is right in some 60 of 100 multiplications. In how many is a vote of 16?

# %%
my_guess = ...  # percent

# %%
checks.check("01.4", my_guess)

# %% [markdown]
# <details><summary>Solution 01.4</summary>
#
# ```python
# my_guess = 95
# ```
#
# A trial on the train split gave 95 to 97. The wrong answers seldom agree: one slips in the tens, one in the carry. On most problems the right one has no rival.
#
# </details>

# %%
pick = checks.mine("01.3", my_vote)
rng, powers = np.random.default_rng(0), [2**i for i in range(K.bit_length())]


def voted(k, rounds=10):
    """Share of right votes of k answers, drawn without replacement."""
    right = 0
    for problem, votes in zip(products, ballots, strict=True):
        for _ in range(rounds):
            drawn = rng.choice(K, k, replace=False)
            right += pick([votes[i] or "" for i in drawn]) == str(problem.target)
    return right / rounds / FEW


# %%
shares = [100 * voted(k) for k in powers]
passed = 100 * np.array(stats.pass_curve(many.correct.sum(1), K, powers))
figure, axis = plots.canvas(width=5.5)
axis.plot(powers, passed, color=plots.GREY, marker=".", label="any of k is right")
axis.plot(powers, shares, color=plots.BLUE, marker=".", label="vote of k")
axis.axhline(100 * many.correct.mean(), color="black", linestyle=":")
axis.text(powers[-1], 100 * many.correct.mean() - 4, "one of k at random", ha="right")
plots.mark_guess(axis, 16, checks.guess("01.4"))
axis.set(title="A vote is right where one answer is not", ylim=(40, 102))
axis.set_xscale("log", base=2)
axis.set(xlabel="answers a problem, k", ylabel="right, %")
axis.legend(fontsize=8, loc="lower right")
plots.show(
    figure, f"Base, multiplication; n = {FEW} held-out problems, {K} answers each."
)
print(
    "vote:", ", ".join(f"{k}: {v:.0f} %" for k, v in zip(powers, shares, strict=True))
)

# %% [markdown]
# Most of the way is made by 16 answers; the rest adds little. (o1-mini's votes in part 1 end at some eight answers; the last doubling added 2.5 points.)
#
# **Parallel or sequential?** On Countdown, where a check is free, both can be had for the same tokens: one long thought of the trained model, or many short answers of its base of which one must be right. *Predict: which line is higher at 800 tokens?*

# %%
import json

report = json.loads(
    (models.DATA / "models" / "rich" / "report.json").read_text("utf-8")
)
each = report["strata"]["countdown, 4 numbers"]["length"]
figure, axis = plots.canvas(width=6)
for name, colour in (("pass_at_k", plots.ORANGE), ("chance", "black")):
    ks = sorted(report[name]["4"], key=int)
    solved = [100 * report[name]["4"][k] for k in ks]
    label = (
        "base, k answers, free check" if colour != "black" else "k guesses, same price"
    )
    axis.plot([each * int(k) for k in ks], solved, ".-", color=colour, label=label)
    print(
        f"{label}:",
        ", ".join(f"{k} x: {v:.0f} %" for k, v in zip(ks, solved, strict=True)),
    )
for seed in experiments.recorded("zero", "rule"):
    part = seed.summary["after"]
    axis.plot(part["length"], 100 * part["accuracy"], "o", color=plots.BLUE)
axis.text(130, 60, "one answer,\ntrained, 5 seeds", color=plots.BLUE, fontsize=8)
axis.set(xscale="log", title="One long thought against many short ones", ylim=(0, 100))
axis.set(xlabel="tokens a problem", ylabel="solved, %")
axis.legend(fontsize=8, loc="upper left")
plots.show(
    figure, "Four numbers. Lines: 64 problems x 256 samples; dots: 512 problems."
)

# %% [markdown]
# Five hundred tokens of one trained thought solve about half of the problems. Sixteen short answers of the base solve as many, for some 850 tokens, and blind guesses at that price are not far behind. Mind that the free check is a gift to the short ones. Where nobody can check, sixteen answers need a vote, and the long thought brings its own check along.

# %% [markdown]
# ## 7. Where a vote loses
#
# o1's appendix A has a quiet line: on GPQA biology it was right in 69.2 % with one answer and in 68.4 % by a vote of 64 (of 19 questions, so the loss is a seventh of one). A vote does not find the right answer. It finds the *most frequent* one.
#
# ### Exercise 01.5 · experiment · 6 min · difficulty 3 of 5
# Suppose a model gives the right answer in 40 of 100 tries, one tempting wrong one in 45, and scattered others in the rest. By how many points does a vote of 65 differ from one answer? (Minus for a loss.) `vote_of` below simulates it.


# %%
SHARES = [0.40, 0.45, 0.03, 0.03, 0.03, 0.03, 0.03]  # the first is right


def vote_of(k, shares, rounds=40_000):
    """Share of votes of k answers that the first answer wins; a tie counts its part."""
    counts = np.random.default_rng(0).multinomial(k, shares, rounds)
    top = counts == counts.max(1, keepdims=True)
    return (top[:, 0] / top.sum(1)).mean()


difference = ...  # points

# %%
checks.check("01.5", difference)

# %% [markdown]
# <details><summary>Solution 01.5</summary>
#
# ```python
# difference = 100 * (vote_of(65, SHARES) - SHARES[0])
# ```
#
# About -7, and with 1,000 answers some -36: the more vote, the surer the wrong one wins. Were the wrong answers scattered, as in our multiplication, 40 of 100 would be enough for a sure win.
#
# </details>

# %%
wrong = 0
for problem, votes in zip(products, ballots, strict=True):
    answer, n = Counter(filter(None, votes)).most_common(1)[0]
    if answer != str(problem.target):
        wrong += 1
        right = votes.count(str(problem.target))
        print(f"{tasks.short(problem)}: {n} x {answer}, {right} x {problem.target}")
print(f"the vote of {K} is wrong on {wrong} of {FEW} problems")
print("on problems that under half of 32 answers solve, a vote of 32 others loses")
for run in runs("choices", "products"):
    before, after = choices.lost(run, "before"), choices.lost(run)
    print(f"seed {run.config['seed']}: {before:+.0f} points on the base,",
          f"{after:+.0f} after training")  # fmt: skip


# %% [markdown]
# Minus says that the vote *wins*: 47 to 54 points on the base, 18 to 38 after training, in every seed. Low accuracy alone does not make a vote lose. Where the vote was wrong, the lines above show what that takes: one slip that more answers share than are right (23 of 64, or only 5 where 2 are right).

# %% [markdown]
# ## 8. Learn to choose
#
# The third number of o1, 93 %, comes from a *learned scorer*: a model that guesses whether an answer is right. Ours is a head of two layers on what the base itself knows at the end of its answer. It learns from answers to other problems, judged by the rule. At the test nobody judges: the answer with the highest score of k is taken (*best of n*).
#
# Beside it a scorer that nobody trains: how likely the model found its own answer, the mean log-probability of its tokens. *Predict: which of the three is best at 4 answers, and which at 64?*

# %%
LEARN = 24 if FAST else 320
taught = tasks.problems("multiplication", LEARN, 0, "train")
given = evaluate.answer(base, tokenizer, taught, evaluate.Sampling("tiny", 200, 12, 8))
known = scorer.features(base, tokenizer, given, "tiny")
score = scorer.fit(known, torch.tensor(given.correct.flatten()), seed=0)
seen = scorer.features(base, tokenizer, many, "tiny")
scores = {"learned scorer": score(seen), "likeliest": seen[:, scorer.MEAN_LOGP]}

# %%
figure, axis = plots.canvas(width=5.5)
axis.plot(powers, shares, color=plots.BLUE, marker=".", label="vote")
for (name, values), colour in zip(
    scores.items(), (plots.ORANGE, plots.GREEN), strict=True
):
    table = values.view(FEW, K).tolist()
    rows = [list(zip(many.correct, table, strict=True)) for _ in powers]
    best = [100 * np.mean([search.best_of(r, s, k) for r, s in row])
            for k, row in zip(powers, rows, strict=True)]  # fmt: skip
    axis.plot(powers, best, color=colour, marker=".", label=name)
    print(
        f"{name}:",
        ", ".join(f"{k}: {v:.0f} %" for k, v in zip(powers, best, strict=True)),
    )
axis.axhline(100 * many.correct.mean(), color="black", linestyle=":")
axis.set_xscale("log", base=2)
axis.set(title="The scorer is ahead with few answers", ylim=(40, 102))
axis.set(xlabel="answers a problem, k", ylabel="right, %")
axis.legend(fontsize=8, loc="lower right")
plots.show(
    figure, f"Base, multiplication; n = {FEW} problems. Dotted: a random choice."
)

# %% [markdown]
# With four answers a scorer is worth more than a vote: three answers that differ cannot outvote anything, but one of them can look right. With 64 our learned scorer falls back in this one seed; in the five recorded runs it stays level. Best of n looks for the highest score, and among many answers one may deceive the scorer. (Lesson 03 meets this again, as a reward that is hacked.) The likeliest answer, a score that nobody trained, is the best choice here at 4 and at 64.
#
# The recorded runs compare the same with five models that were trained on multiplication, and with the base on Countdown, where o1's programming contest has its like: fifty submissions and a choice.

# %%
from r1lab.running import evidence

figure, axes = plots.canvas(2, sharey=True)
for axis, arm in zip(axes, ("products", "countdown"), strict=True):
    axis.set(title=f"{arm}: who chooses well?", xlabel="answers a problem, k")
    if there := runs("choices", arm):
        choices.curves(axis, there, "after")
        axis.legend(fontsize=8)
        for way in sorted(
            evidence.part(there[0], "after")["chosen"].keys() - {"weighted"}
        ):
            one, fifty = (
                np.mean([choices.points(r, way, k) for r in there]) for k in (1, 50)
            )
            print(f"{arm:9} {way:10} of 1: {one:.1f} %, of 50: {fifty:.1f} %")
axes[0].set_ylabel("right, %")
plots.show(figure, "Mean over 5 seeds, 128 problems x 64 answers each.")

# %%
for run in runs("choices", "products"):
    one, k = np.mean(choices.points(run, "any", 1)), choices.afford(run)
    votes = {
        n: np.mean(choices.points(run, "vote", n, "before"))
        for n in (1, 2, 4, 8, 16, 64)
    }
    enough = next((n for n, share in votes.items() if share >= one), None)
    spent, likelier = (
        np.mean(choices.points(run, way, k, "before")) for way in ("vote", "likelihood")
    )
    print(f"seed {run.config['seed']}: one trained answer {one:.0f} %;",
          f"its base by a vote of {k}, as many tokens or more: {spent:.0f} %,",
          f"by the likeliest of {k}: {likelier:.0f} %;",
          f"as good from a vote of {enough} on")  # fmt: skip

# %% [markdown]
# With 64 answers to a multiplication the scorer is no better than the vote (91 to 96 against 95 to 97 %). On Countdown, where a vote is pointless, it is worth much: of 50 answers it takes a right one in 28 to 38 of 100 problems, a random choice in 5. R1's authors say that a vote cannot take the place of long thinking (appendix E.4: GPT-4o goes from 9.3 to 13.4 % on AIME by a vote of 64). Our side: one trained answer is right in 80 %, a vote of the base for as many tokens or more in 57 %. But that is a vote of two, and two that differ decide nothing: the likelier of the two is right in 74. A vote of 8, some 7 times the tokens of the trained answer, is right in 89, one of 16 in 94.

# %% [markdown]
# ### Exercise 01.6 · code · 15 min · difficulty 4 of 5
# Beat the vote at equal tokens. You get four answers to a multiplication (`""` where none could be read) and for each the mean log-probability of its tokens. Give one answer. The check asks 160 problems that no test keeps, and compares with a vote of the same four. Five points more are asked; there is room for nine and more.


# %%
def my_choice(answers, logps):
    """answers: 4 str; logps: 4 floats below 0; returns: one of the answers."""
    ...  # your code


# %%
checks.check("01.6", my_choice)

# %% [markdown]
# <details><summary>Solution 01.6</summary>
#
# ```python
# import math
#
#
# def my_choice(answers, logps):
#     sums = {}
#     for answer, logp in zip(answers, logps, strict=True):
#         if answer:
#             sums[answer] = sums.get(answer, 0.0) + math.exp(40 * logp)
#     return max(sums, key=sums.get, default="")
# ```
#
# A vote in which a sure answer weighs more. Both kinds of evidence count: that answers agree, and that the model did not hesitate. On Countdown the same rule would be no better than a random choice of four: there the surest answers are guesses.
#
# </details>

# %% [markdown]
# ## 9. The other chart: train-time compute
#
# Here are the five seeds of `run zero` with accuracy against what was spent: tokens sampled and learned from, on a log axis as o1 has it. The problems of a step have not been asked before, so this is no memory. *Predict: is it a straight line?*

# %%
RISES = "Four numbers: no straight line", "Nor three numbers, held out"
figure, axes = plots.canvas(2)
for run in experiments.recorded("zero", "rule"):
    spent = np.cumsum([m["tokens"] + m["update_tokens"] for m in run.metrics])
    right = plots.smooth([100 * m["accuracy"] for m in run.metrics])[0]
    axes[0].plot(spent, right, color=plots.BLUE, linewidth=1)
    late = spent > spent[-1] / 10
    rho = stats.rank_correlation(right[late])
    print(f"seed {run.config['seed']}: {right[0]:.0f} to {right[-1]:.0f} % right, rank",
          f"correlation {rho:.2f} over the last factor of ten")  # fmt: skip
for run in runs("checkpoints", "rule"):
    axes[1].plot(*train_time.by_cost(run), color=plots.ORANGE, marker=".", linewidth=1)
for axis, name in zip(axes, RISES, strict=True):
    axis.set(title=name, xscale="log", ylim=(0, 100), ylabel="right, %")
    axis.set_xlabel("tokens sampled and learned from")
plots.show(figure, "A line a seed. Left: the step's own 128 answers, mean of 5 steps.")

# %% [markdown]
# It rises, and it is no line: flat at first, then steep, then flatter: with four numbers 14 to 31 % of the answers are cut at the cap by then. On a log axis the steep part looks steeper still. What a chart without units and without its beginning and end shows is one piece of such a curve.
#
# R1-Zero's authors draw a vote of 16 beside the single answer all the way (Figure 2). We took the same vote at eight checkpoints of learning multiplication.

# %%
figure, axes = plots.canvas(2, sharey=True)
for name, colour in (("pass_at_1", plots.BLUE), ("cons_at_16", plots.ORANGE)):
    x, y, _ = plots.paper_curve(f"r1_zero_aime_{name}")
    axes[0].plot(x, 100 * y, color=colour, label=name.replace("_at_", "@"))
for run in runs("choices", "products"):
    seen = [m for m in run.metrics if "vote" in m]
    for key, colour in (("one", plots.BLUE), ("vote", plots.ORANGE)):
        axes[1].plot([m["step"] for m in seen], [100 * np.mean(m[key]) for m in seen],
                     color=colour, marker=".", linewidth=1)  # fmt: skip
axes[0].set(title="R1-Zero on AIME", xlabel="RL step", ylabel="right, %", ylim=(0, 103))
axes[1].set(title="Ours on multiplication", xlabel="RL step")
axes[0].legend(fontsize=8)
plots.show(figure, "Left: DeepSeek-R1 v1, Figure 2, digitised. Right: a line a seed.")

# %% [markdown]
# The vote is ahead all the way, by 17 to 18 points in the middle half of training. The gap shrinks from some 33 points to some 14, where R1-Zero's grew: our vote stands near 95 % from the start and has no room above.
#
# Two more claims of o1's report. *Data-efficient*: `run checkpoints --arm 64` learns from 64 different problems in the place of 960, for as many steps. *Narrow*: people preferred o1 where a question needs reasoning, and not in some tasks of language. Our models learned four numbers and nothing else. What became of the rest? Multiplication, which both have read, and plain text of their world, in nats a token (less is better). *Predict: does either get worse?*

# %%
for arm, problems in (("rule", "960 of 4,096"), ("512", "512"), ("64", "64")):
    after = [100 * r.summary["after"]["accuracy"] for r in runs("checkpoints", arm)]
    each = ", ".join(f"{share:.0f} %" for share in after)
    print(f"learned from {problems:>12} problems, held out right, by seed: {each}")

# %%
from itertools import islice

from r1lab.tiny_world import corpus

texts = list(islice(corpus.texts(seed=987_654), 16 if FAST else 256))


@torch.no_grad()
def nats(policy):
    """Mean loss of a token of these texts, and its standard error over texts."""
    each = []
    for text in texts:
        ids = torch.tensor(tokenizer(text)["input_ids"][:1024])
        logps = policy(ids[None, :-1]).logits[0].log_softmax(-1)
        each.append(-logps.gather(1, ids[1:, None]).mean().item())
    return np.mean(each), np.std(each) / len(each) ** 0.5


for name, policy in (("base", base), ("trained", model)):
    loss, error = nats(policy)
    there = [r.summary["measured"]["multiplication"] for r in runs("budgets", name)]
    said = ", ".join(f"{100 * share:.0f} %" for share in there)
    print(f"{name:8} {loss:.3f} +- {error:.3f} nats a token; multiplication {said}")

# %% [markdown]
# Text of its world costs the trained model 0.14 nats a token more. Most of that text guesses, and the model no longer does. Multiplication has not suffered, though nobody paid for it: 65 to 68 % in every seed against 51 to 67 (n = 128 a seed). So our training is narrow in the text it likes and not in the other task.
#
# And 64 problems teach nearly as much as 960 (of 4,096, each once): 88 to 94 % right against 88 to 93, seed by seed between 5 points less and 1 point more. Each of the 64 comes back 15 times. What is learned is a habit, which is the same for all problems, and no answers. o1's report gives no number to hold against it.

# %% [markdown]
# ## 10. One model, three efforts
#
# o3-mini, in January 2025, is one model with three levels: low, medium and high. How it was made is not said. A simple way: put a mark into the question, and let tokens have a price that depends on it. `run effort` does that on three numbers. Two line breaks behind the numbers mean low, and 100 tokens cost twice what a right answer earns; one means medium, at 0.6 of it; none means high, and tokens are free. Before training nobody has been paid by them, yet high is already 4 points ahead of low: take that off. *Predict: what will the model do at low effort?*

# %%
from r1lab.experiments import effort

figure, axis = plots.canvas(width=5.5)
if there := runs("effort", "tagged"):
    effort.draw(axis, there)
    for level in effort.MARKS:
        ends = [r.summary["after"]["effort"][level] for r in there]
        right = 100 * np.mean([e["right"] for e in ends])
        spent = np.mean([e["tokens"] for e in ends])
        print(f"{level:6} {right:.1f} % right, {spent:.0f} tokens")
axis.set_title("Does one model learn three efforts?")
plots.show(figure, "A dot a seed; 256 held-out problems. Hollow: before training.")

# %% [markdown]
# In one of five seeds one model has three efforts: high is right in 81 % with 129 tokens, medium in 54 % with 77, low in 30 % with 44. In two it has two: high is right in 55 and 27 % with 84 and 47 tokens, medium and low guess. In the other two all three levels guess, with high right in 15 and 11 %. Dear tokens teach *not to search* under two marks of three, and in these seeds the model had unlearned searching before it told the marks apart. A habit that no answer shows any more earns nothing, so it does not come back. The verdict is open for that reason: the mean gain is large and so is its interval.

# %% [markdown]
# ## 11. On your GPU
#
# The same call on a real model: Qwen2.5 on word problems or Countdown, its thoughts cut at the same budgets. Two settings differ: R1's own *template*, the words around a problem that make a prompt of it, in the place of the tiny one, and a cap of 1,024 tokens, because a real model needs words. Expect an untrained Qwen2.5 to gain little above its natural length, which is some hundred tokens; s1's gains came after fine-tuning on long thoughts.

# %%
from r1lab import preflight, records
from r1lab.machine import presets
from r1lab.running.run import run as make
from r1lab.running.settings import Options

card, why = presets.choose()
needs = preflight.need(presets.named("t4"), preflight.PROMPT["r1"], "evaluation")
print(f"preset t4 for evaluation alone: {needs.wanted:.1f} GiB predicted")
options = Options("base", card, settings={"max_new": 1024, "eval_problems": 64})
if torch.cuda.is_available() and card != "cpu":
    make(experiments.named("budgets"), options, records.place("lesson-01-gpu"))
else:
    print(f"skipped: {why}")

# %% [markdown]
# ## 12. Verdicts
#
# The criteria stood in `data/claims.json` before the runs. *Reproduced*: of every condition the 95 % interval lies above "no effect" and the estimate reaches what was asked. The words are computed from the recorded runs when this cell runs.

# %%
from r1lab.claims import scoreboard

OURS = {"O1-01", "O1-02", "O1-03", "O1-04", "O1-05", "O1-06", "O1-07", "O1-08"}
OURS |= {"R-07", "R-08", "R-10", "Z-02", "O3-01", "X-18"}
print(scoreboard.text([row for row in scoreboard.every() if row["id"] in OURS]))

# %% [markdown]
# Most of what was said of thinking longer and asking more often shows up here in kind, some of it without any learning. What does not: that a vote loses on hard problems (our wrong answers seldom agree), that Wait helps (our model's ends are right), that greedy answers make a curve rougher (they repeat themselves, though), and (our addition) that reinforcement makes something new of known parts, which lesson 04 looks into.
#
# ## The sentence that stays
#
# A long thought, a vote, a scorer, a check: **more tokens help exactly as far as something can tell a right answer from a wrong one.**

# %% [markdown]
# ## What you can now do
#
# Answer without looking, then open.
#
# <details><summary>1. What does a rising curve against thinking tokens show?</summary>
#
# That more tries help. Not that anything was learned: an untrained base that may not stop draws it, too.
#
# </details>
# <details><summary>2. When does "Wait" help?</summary>
#
# When thoughts end too early or wrongly. It destroys an end that was right.
#
# </details>
# <details><summary>3. Why no vote on Countdown?</summary>
#
# Any answer can be checked for free, and many different ones are right.
#
# </details>
# <details><summary>4. When does a vote lose?</summary>
#
# Where one wrong answer is more frequent than the right one. More votes make it surer.
#
# </details>
# <details><summary>5. Why may best of n fall back with many answers?</summary>
#
# It looks for the highest score, and finds the answers that deceive the scorer.
#
# </details>

# %% [markdown]
# ## What this leaves out
#
# * A million weights and two tasks. Above 900 tokens our model has no room.
# * o1's chart may mix longer thoughts with other things; its axis has no units.
# * Budgets inside the training: our models learned under one cap.
# * Searching in a tree, step by step, is lesson 07.
#
# ## References
#
# * OpenAI, [Learning to reason with LLMs](https://openai.com/index/learning-to-reason-with-llms/), with appendix A, 2024.
# * Copy of the chart and o1-mini asked again: [o1_inference_scaling_laws](https://github.com/hughbzhang/o1_inference_scaling_laws).
# * Muennighoff and others, s1: simple test-time scaling, [arXiv 2501.19393](https://arxiv.org/abs/2501.19393).
# * DeepSeek-R1, [arXiv 2501.12948](https://arxiv.org/abs/2501.12948), Figure 2 (v1), section 3, appendix E.4 (v2).
# * Chen and others, pass@k, [arXiv 2107.03374](https://arxiv.org/abs/2107.03374); Wang and others, self-consistency, [arXiv 2203.11171](https://arxiv.org/abs/2203.11171).
