# %% [markdown]
# # 00 · Start here
# [Open in Colab](@COLAB@) · Papers: [Learning to reason with LLMs](https://openai.com/index/learning-to-reason-with-llms/) (o1, 2024), [DeepSeek-R1](https://arxiv.org/abs/2501.12948), [Kimi k1.5](https://arxiv.org/abs/2501.12599) · Podcast from minute 03:46
#
# **Question.** What did three reports claim about models that think, and how much of it can one small machine show?
#
# **You will be able to** 1. say what each report claimed, 2. find the lesson for a question, 3. read a completion and the judge's verdict, 4. tell how sure a measured share is, 5. say what training changed in a tiny model.
#
# **Before this** Python, and PyTorch as a user.
#
# **Time** 45 min reading and doing; running: @MINUTES@.
#
# **Needs** no GPU, no download.

# %% tags=["setup"]
# @SETUP@

# %%
import itertools
import textwrap

from r1lab import checks, drawings, evaluate, models, plots, preflight, stats
from r1lab.machine import environment, presets
from r1lab import tasks, verify, widgets
from r1lab.tiny_world import competence, corpus

P = presets.pick("cpu")
print(P.name, "preset", "(fast mode)" if environment.fast() else "")

# %% [markdown]
# ## 1. Three reports, one idea
#
# In September 2024 OpenAI showed o1, a model that writes a long chain of thought before it answers. It had learned this by *reinforcement learning*: what leads to a *reward* becomes likelier. How, OpenAI did not say. On 20 January 2025 two reports did, on the same day: DeepSeek-R1 and Kimi k1.5.
#
# AIME is a school competition whose answers are whole numbers, so a program can check them. It became the yardstick:
#
# | model | right on AIME 2024 | where it says so |
# |---|---|---|
# | GPT-4o | 12 % | o1 report |
# | o1, one answer | 74 % | o1 report |
# | o1, vote of 64 answers | 83 % | o1 report |
# | o1, best of 1000 by a learned score | 93 % | o1 report |
# | R1-Zero, first point shown, near step 200 | 15.6 % | R1, section 2.2.4, Figure 2 (v1) |
# | R1-Zero, at the end | 71.0 % (v1), 77.9 % (Nature) | R1, section 2.2.4; Nature |
# | R1 | 79.8 % | R1, Table 4 (v1) |
# | k1.5, long answers | 77.5 % | k1.5, abstract |
# | k1.5, short answers | 60.8 % | k1.5, section 3.4 |

# %% [markdown]
# Each report adds one claim to the table.
#
# * **o1**: thinking pays at two places. More training by reinforcement helps, and so does more thinking at the time of the question.
# * **R1**: it needs neither examples of good thinking nor a second model as a judge. R1-Zero started from a *base model*, which has read text and was never taught to answer, and got a rule that checks answers. The authors watched it think longer and begin to re-examine its steps. R1 then adds a few stages to make this readable.
# * **k1.5**: a simple recipe is enough, with no tree search and no model that scores single steps. What was learned in long answers can be brought into short ones.
#
# How the models came about, as far as the reports tell it:

# %%
KINDS = {"given": "#DDDDDD", "SFT": "#F6D28B", "RL": "#A6CEE3"}
LINES = [
    ("o1, September 2024",
     [("a model", "given"), ("RL; how is\nnot said", "RL"), ("o1", "")]),
    ("R1-Zero, January 2025",
     [("V3-Base", "given"), ("RL on rules", "RL"), ("R1-Zero", "")]),
    ("R1",
     [("V3-Base", "given"), ("SFT on thousands\nof examples", "SFT"),
      ("RL on rules and\none language", "RL"),
      ("the base again,\nSFT on 800,000", "SFT"),
      ("RL on rules and\npreferences", "RL"), ("R1", "")]),
    ("R1-Distill",
     [("Qwen, Llama", "given"), ("SFT on the\nsame 800,000", "SFT"),
      ("R1-Distill", "")]),
    ("k1.5, January 2025",
     [("a base model", "given"), ("SFT", "SFT"),
      ("RL on rules and\na learned judge", "RL"), ("k1.5, long", ""),
      ("long2short", "RL"), ("k1.5, short", "")]),
]  # fmt: skip
figure, axis = plots.canvas(width=8.6, height=4.2)
drawings.lineage(axis, LINES, KINDS)
plots.show(figure, "Blue: reinforcement learning, RL. Orange: imitation, SFT.")

# %% [markdown]
# The second claim is the boldest, so it gets the first figure. *Predict: if you ask 16 times and take the most frequent answer, does the gain shrink as the model gets better?*

# %%
figure, axis = plots.canvas(width=5.5)
curves = {
    "vote of 16 answers": ("r1_zero_aime_cons_at_16", plots.ORANGE),
    "one answer": ("r1_zero_aime_pass_at_1", plots.BLUE),
}
for name, (key, colour) in curves.items():
    step, share, record = plots.paper_curve(key)
    axis.plot(step, 100 * share, color=colour, marker=".", label=name)
    print(f"{name:18} step {step[0]:.0f}: {100 * share[0]:.0f} %, "
          f"step {step[-1]:.0f}: {100 * share[-1]:.0f} %")  # fmt: skip
axis.set(title="R1-Zero: from 16 to 71 % on rewards alone", xlabel="training step")
axis.set(ylabel="right on AIME 2024, %", ylim=(0, 100))
axis.legend(fontsize=8, loc="lower right")
plots.show(figure, "No interval given. DeepSeek-R1 v1, Figure 2; digitised by us.")

# %% [markdown]
# The vote stays above the single answer throughout, and the gap at the end is wider than at the start. So the two ways to spend compute, training and asking again, add up. This is one run of one model on one competition. Whether the curve comes from the reward, or would have come from almost any reward, it cannot say. A second run with a useless reward could. The course makes such runs.
#
# ## 2. The map
#
# The lessons follow the order of a podcast episode in Chinese, [number 89 of Zhang Xiaojun's interviews](https://brapodcast.se/podcast/%e5%bc%a0%e5%b0%8f%e7%8f%bajun%ef%bd%9c%e5%95%86%e4%b8%9a%e8%ae%bf%e8%b0%88%e5%bd%95/89-%e9%80%90%e5%8f%a5%e8%ae%b2%e8%a7%a3deepseek-r1%e3%80%81kimi-k1-5%e3%80%81openai-o1%e6%8a%80%e6%9c%af%e6%8a%a5%e5%91%8a-%e6%9c%80%e4%bc%98%e7%be%8e%e7%9a%84%e7%ae%97) (4 February 2025, 170 minutes). Its guest, Jiayi Pan, made TinyZero. Each lesson gives its minute. Each stands alone, but for what its line "Before this" names.

# %% [markdown]
# **o1 and the tools**
#
# | lesson | source | minute | question |
# |---|---|---|---|
# | 00 start_here (this one) | all three | 03:46 | What was claimed, and what does it look like when it happens here? |
# | [01 o1_test_time_compute](01_o1_test_time_compute.ipynb) | o1 report | 16:06 | Does thinking longer, or asking more often, buy right answers? |
# | [02 grpo_math](02_grpo_math.ipynb) | R1 2.2.1 | 48:13 | How does a model learn from right and wrong alone? |
# | [03 rewards](03_rewards.ipynb) | R1 2.2.2-3 | 57:22, 1:05:01 | Who decides what is right, and what if the judge can be fooled? |

# %% [markdown]
# **R1**
#
# | lesson | source | minute | question |
# |---|---|---|---|
# | [04 r1_zero_and_the_aha_moment](04_r1_zero_and_the_aha_moment.ipynb) | R1 2.2.4 | 1:06:43 | Does a base model learn to correct itself, or did it know how? |
# | [05 cold_start](05_cold_start.ipynb) | R1 2.3 | 1:16:18 | What do the stages around the training add? |
# | [06 distillation](06_distillation.ipynb) | R1 2.4, 4.1 | 1:28:51 | Should a small model train by itself, or copy a large one? |
# | [07 prm_and_mcts](07_prm_and_mcts.ipynb) | R1 4.2 | 1:35:27 | Why did scoring steps and searching trees not work? |

# %% [markdown]
# **Kimi, and the end**
#
# | lesson | source | minute | question |
# |---|---|---|---|
# | [08 kimi_rl](08_kimi_rl.ipynb) | k1.5 2.1-2.3, 3.5 | 1:49:05 | Which parts of Kimi's recipe matter? |
# | [09 kimi_long2short](09_kimi_long2short.ipynb) | k1.5 2.4 | 1:49:05 | How does a long thinker learn to be brief? |
# | [10 cost_and_limits](10_cost_and_limits.ipynb) | R1 5, Nature | 1:43:50, 2:20:07 | What does it cost, and where does it end? |
# | [11 scoreboard](11_scoreboard.ipynb) | all | - | Which claims showed up here, and which did not? |

# %% [markdown]
# ## 3. Your machine
#
# What depends on the machine is one choice, the *preset*: which model, how many steps, how long an answer may be. The name `auto` looks at the machine and chooses. The lessons use `cpu`, which runs everywhere: a graphics card does not make a model of a million parameters faster.
#
# The next cell trains a throw-away copy for a few steps and takes the time.

# %%
print(preflight.report())

# %% [markdown]
# A row is a preset: the memory that its parts take, counted before anything runs, and what must be free. The minutes are measured here, by a few seconds of sampling and learning. The row `cpu` is the promise of the course: R1-Zero on the tiny model, from the base to the end, and no lesson needs a machine you do not have. `python -m r1lab preflight` prints the same in a terminal.
#
# ## 4. A model that has only read
#
# A base model can continue text, and no more. The course ships one that was made from nothing.

# %%
base, tokenizer = models.load("rich")
print(f"{sum(w.numel() for w in base.parameters()):,} weights")
print(f"{len(tokenizer)} tokens in its vocabulary")
print("of the texts it has read about three numbers:")
habits = {
    "search through all ways in order": corpus.RICH.in_order,
    "try at random, compare, and try again": corpus.RICH.at_random,
    "work backwards from the target": corpus.RICH.backwards,
    "compare once and answer anyway": corpus.RICH.check,
}
habits["guess and answer"] = 1 - sum(habits.values())
for habit, part in habits.items():
    print(f"  {100 * part:2.0f} % {habit}")

# %% [markdown]
# The pre-training of R1-Zero's base took 2.66 million GPU hours (DeepSeek-V3, README). Ours took 45 minutes on one core. It has read 32 million *tokens*, the pieces that text is cut into (both: `data/models/rich`), and they are about two things, countdown and multiplication. *Countdown* is the task of TinyZero, the podcast guest's own small R1-Zero: reach a target with the given numbers, each used exactly once. A solution is easy to check and hard to find.
#
# We want one problem to look at. To pick a nice one would be cheating, so here is a rule: the first *held-out* problem of *seed* 0, whatever it is. Held out means that its three numbers stand together in no text the model has read and in no training step. A seed is the number that fixes all that is drawn at random.

# %%
COUNT = 32 if environment.fast() else 256
shown, *others = tasks.problems("countdown", COUNT + 1, seed=0, split="test")
found = evaluate.answer(
    base, tokenizer, [shown], evaluate.Sampling("tiny", P.max_new, seed=0)
)
print(tasks.prompt(shown, "tiny") + found.texts[0])

# %% [markdown]
# The text up to "Assistant:" is the *prompt*. What stands after it is the model's, its *completion*. It has learned this shape from its text: thoughts between `<think>` tags, one expression between `<answer>` tags. R1-Zero's prompt asks for the same tags in words (R1, Table 1).
#
# The model reads tokens, not letters:

# %%
pieces = tokenizer.tokenize(found.texts[0])
print(len(found.texts[0]), "characters,", len(pieces), "tokens:")
print(textwrap.fill("|".join(pieces), 80))

# %% [markdown]
# A number is a token, and so is each sign, each tag and each word of thinking. So a whole line of thought takes few tokens, which is what makes this model fast on a processor.
#
# ### The judge
#
# Is the answer right? No model decides that, only a rule. Its word is the *verdict*. It reads the text between the answer tags, works out its value, and compares the numbers. It never runs what the model wrote: training looks for every hole in the judge. *Predict: which of these seven does it accept?*

# %%
tries = [
    "<answer>(13+5)+2</answer>",
    "<answer>2+5+13</answer>",
    "<answer>5+5+5+5</answer>",
    "<answer>13+5</answer>",
    "<answer>13+5+2=20</answer>",
    "<answer>13+5+2</answer><answer>13*5</answer>",
    "<answer>__import__('os')</answer>",
]
for text in tries:
    verdict = verify.verify(tasks.Problem("countdown", (13, 5, 2), 20), text)
    print(f"{text:46} {verdict.reason}")

# %% [markdown]
# The first two. Each no has its own reason, and reasons are counted, so that one can see *how* a model fails. (`13+5+2=20` is true, but an equation is not an expression. The task has one form, and to keep to it is part of the task.)
#
# ### Before and after
#
# A recorded run of 60 steps gave the base one point for a right answer, a tenth for the right tags, and nothing else. The run is kept in the course's `data` folder, together with what was learned: small matrices on top of the base (*LoRA*). You can make it yourself in a few minutes with `python -m r1lab run habits --seed 0`.
#
# Now the same problem, eight answers from each, sampled here. *Predict: what will the trained answers look like?*

# %%
recorded = models.DATA / "runs" / "habits-rule-s0"
trained, _ = models.load_trained(recorded / "trained", "rich")
pair = [
    evaluate.answer(m, tokenizer, [shown], evaluate.Sampling("tiny", P.max_new, 0, 8))
    for m in (base, trained)
]


# %%
def column(text, reason, width, lines=6):
    """The verdict, then the completion; where it is long, its beginning and end."""
    parts = text.replace("<answer>", "\n<answer>").split("\n")
    rows = [r for p in parts for r in textwrap.wrap(p, width, break_on_hyphens=False)]
    if len(rows) > lines:
        rows = [*rows[: lines - 3], "[...]", *rows[-2:]]
    return [reason.upper(), *rows]


print(f"{'BASE':36} | AFTER 60 STEPS")
for i in range(8):
    left, right = (
        column(a.texts[i], f"{i + 1}: {a.verdicts[i].reason}", width)
        for a, width in zip(pair, (35, 49), strict=True)
    )
    print("-" * 37 + "+" + "-" * 50)
    for a, b in itertools.zip_longest(left, right, fillvalue=""):
        print(f"{a:36} | {b}")
for name, a in zip(("base", "trained"), pair, strict=True):
    print(f"{name}: {a.correct.sum()} of 8 right, mean {sum(a.lengths) / 8:.0f} tokens")

# %% [markdown]
# On the left: one guess, sometimes compared with the target, and then an answer anyway. On the right: a try, a comparison, "no", another try, until something fits. Nobody showed the model which answers to write. It was told right or wrong, and this is what paid. Some thoughts mix two languages, as its text did (不对 is no, 对 is yes); R1-Zero's did so too, and lesson 05 is about that.
#
# Now be suspicious. The problem is an easy one, since the plain sum of its numbers will do. And eight answers to one problem are an anecdote. *Predict, from the eight on the right: what share of many other held-out problems will the trained model solve?*


# %%
def count(model):
    found = evaluate.answer(
        model, tokenizer, others, evaluate.Sampling("tiny", P.max_new, seed=1)
    )
    return evaluate.measure(found)


results = {"base": count(base), "after 60 steps": count(trained)}
for name, m in results.items():
    low, high = (100 * x for x in m["ci95"])
    print(f"{name:14} right {100 * m['accuracy']:.0f} % [{low:.0f}, {high:.0f}], "
          f"n = {m['n']}, mean {m['length']:.0f} tokens, "
          f"{100 * m['truncated']:.0f} % cut at the limit")  # fmt: skip
    print("  ", ", ".join(f"{reason}: {k}" for reason, k in m["reasons"].items()))

# %%
figure, axis = plots.canvas(width=6.0)
reasons = {"right": "correct", "wrong value": "wrong value", "no answer": "no answer"}
for i, (name, m) in enumerate(results.items()):
    for x, reason in enumerate(reasons.values()):
        k, n = m["reasons"].get(reason, 0), m["n"]
        low, high = (100 * v for v in stats.wilson(k, n))
        colour, label = (plots.GREY, plots.BLUE)[i], name if x == 0 else None
        place = x + 0.4 * i - 0.2
        axis.bar(place, 100 * k / n, 0.36, color=colour, label=label)
        axis.vlines(place, low, high, color="black")
axis.set_xticks(range(3), list(reasons))
axis.set(title="It stops guessing, and sometimes never finishes", ylim=(0, 100))
axis.set(ylabel="share of answers, %")
axis.legend(fontsize=8)
plots.show(figure, f"n = {COUNT} held-out problems, one answer each; 95 % interval.")

# %% [markdown]
# So the eight had promised too much, but the gain is large and far outside the intervals. The failures changed as well. The base answers wrongly. The trained model hardly ever does; in some three of five failures its thoughts are cut at the limit, still searching.
#
# This is one run, from one seed. The [README](../README.md) has five, with *controls*: runs that lack the one thing that is said to matter. With useless rewards they do not rise. Lesson 04 takes them apart.

# %% [markdown]
# ## 5. Watch it change
#
# The recorded run kept what the model wrote at ten of its steps. In the browser below, pull the slider from step 1 to step 60, and then choose another completion. Look for two things: when does "no" begin to be followed by another try, and when do the answers grow long? The rows under the text are the rewards of all eight answers, and what each then counts in training (lesson 02). (On a page that only shows the notebook you see the first step; the controls need it running.)

# %%
widgets.rollout_browser()

# %% [markdown]
# ## 6. How a lesson works
#
# **Predictions.** A line that begins with *Predict* is worth a minute. Write your guess down before you run the cell. What surprises you is what you learn.
#
# **Exercises.** Each has a card, a cell for your answer, a check and a folded solution. A check says one of three things: *not done yet*, which is no error; *right*, with what it tried; or the mistake your answer looks like. A lesson runs to its end with no exercise done.
#
# **n and interval.** n is how many answers a share was counted from. The interval says which true shares fit the count: if one repeated all of it many times, about 95 of 100 such intervals would hold the truth. An *arm* is one way to train or to ask; two arms whose intervals lie far apart differ; where they overlap much, nothing is shown.

# %% [markdown]
# **Verdicts.** A claim of a report is tested with a criterion written before the runs, several seeds and a control. Four words are allowed:
#
# * *reproduced*: the whole interval lies above "no effect", and the estimate reaches what the criterion asks (each seed, where each must). "No effect" is mostly zero; where the claim is that something does no harm, it is the loss that the criterion allows;
# * *not reproduced*: the whole interval lies below what the criterion asks, or no seed reaches it where each must;
# * *inconclusive*: anything else;
# * *cannot be tested at this scale*: the claim is about large models, or data nobody has.
#
# Where a criterion proves unable to decide, the row says *void*, and why.
#
# One seed is never enough for the first two. What you saw above is a demonstration.

# %% [markdown]
# ## 7. Five exercises
#
# ### Exercise 00.1 · code · 6 min · difficulty 1 of 5
# Write the judge's first rule: are the numbers in an answer exactly the given ones, each used once? `answer` is a text such as `(13+5)+2`, and `numbers` a list such as `[13, 5, 2]`. The value does not matter here. A problem may hold a number twice. Mind that 5 stands inside 15.


# %%
def my_numbers_rule(answer, numbers):
    """answer: text of an expression; numbers: list of int; returns: True or False."""
    ...  # your code


# %%
checks.check("00.1", my_numbers_rule)

# %% [markdown]
# <details><summary>Solution 00.1</summary>
#
# ```python
# import re
#
#
# def my_numbers_rule(answer, numbers):
#     used = [int(n) for n in re.findall("[0-9]+", answer)]
#     return sorted(used) == sorted(numbers)
# ```
#
# A set forgets how often a number was used. Looking for each number in the text finds 5 inside 15. Both holes would pay, and training would find them.
#
# </details>

# %% [markdown]
# ### Exercise 00.2 · code · 6 min · difficulty 2 of 5
# How sure is a share? Of n answers, k are right, so the share is $p = k/n$. Its standard error is $\sqrt{p(1-p)/n}$, and 1.96 standard errors to both sides make a 95 % interval. Write the half width in *points*, that is, percent. By hand: 50 right of 100 give 1.96 x 5 = 9.8 points.


# %%
def my_half_width(k, n):
    """k right of n; returns: half the width of the 95 % interval, in points."""
    ...  # your code


# %%
checks.check("00.2", my_half_width)

# %% [markdown]
# <details><summary>Solution 00.2</summary>
#
# ```python
# def my_half_width(k, n):
#     p = k / n
#     return 100 * 1.96 * (p * (1 - p) / n) ** 0.5
# ```
#
# To halve the width you need four times as many answers. With 8 of 8 right the formula says 0: perfectly sure, after eight answers. That is absurd, so the course uses Wilson's interval, which is right near 0 and 1 too (next cell).
#
# </details>

# %%
for k, n in ((50, 100), (200, 400), (8, 8)):
    low, high = (100 * x for x in stats.wilson(k, n))
    print(f"{k:3} of {n:3}: Wilson [{low:.1f}, {high:.1f}] %")

# %% [markdown]
# ### Exercise 00.3 · predict · 4 min · difficulty 2 of 5
# A base model is right in 13 of 100 answers. You ask it eight times. At how many problems of 100 will at least one of the eight answers be right? Guess before you calculate. A guess is never marked: the last figure draws it beside what was measured.

# %%
my_share = ...  # percent

# %%
checks.check("00.3", my_share)

# %% [markdown]
# <details><summary>Solution 00.3</summary>
#
# ```python
# my_share = 100 * (1 - 0.87**8)
# ```
#
# About 67, if all problems are equally hard: all eight fail with probability 0.87 to the power of 8, which is 0.33. Where they are not, it is less, because the tries on a hard problem fail together. With 128 problems a measured share can lie some eight points to either side.
#
# </details>

# %% [markdown]
# ### Exercise 00.4 · experiment · 5 min · difficulty 1 of 5
# Change one number. `solved(1)` asks the base once for each of 128 held-out problems and returns the percentage solved. Run it with 1 try and with 8, and write both down. A problem counts as solved when at least one try is right. It takes a few seconds.


# %%
def solved(tries):
    problems = tasks.problems("countdown", 128, seed=0, split="test")
    found = evaluate.answer(
        base, tokenizer, problems, evaluate.Sampling("tiny", 600, 0, tries)
    )
    return 100 * found.correct.any(axis=1).mean()


my_solved = {"one": ..., "eight": ...}

# %%
checks.check("00.4", my_solved)

# %% [markdown]
# <details><summary>Solution 00.4</summary>
#
# ```python
# my_solved = {"one": solved(1), "eight": solved(8)}
# ```
#
# Eight tries solve several times as many problems as one. Luck alone does a part of that: the figure below has the line of guesses that know only the rules, and asks what training added.
#
# </details>

# %% [markdown]
# Eight tries also cost eight times the tokens, and someone has to say which try is right. *Predict: for the same number of tokens, what solves more, many short tries of the base or one long answer after training?*

# %%
problems = tasks.problems(
    "countdown", 32 if environment.fast() else 128, 0, split="test"
)
many = evaluate.answer(base, tokenizer, problems, evaluate.Sampling("tiny", 600, 0, 8))
once = evaluate.answer(
    trained, tokenizer, problems, evaluate.Sampling("tiny", 600, seed=0)
)
points = []  # tokens a problem; mean, low, high in percent
for k in (1, 2, 4, 8):
    each = [100 * stats.pass_at_k(8, int(c), k) for c in many.correct.sum(axis=1)]
    spent = k * sum(many.lengths) / len(many.lengths)
    points.append((spent, *stats.mean_interval(each)))
    print(f"base, tries: {k}  {spent:4.0f} tokens, {points[-1][1]:.0f} % solved")
luck = [100 * v for v in competence.chance(problems, 256, [1, 2, 4, 8]).values()]
print("guesses by the rules, 1 to 8:", ", ".join(f"{v:.0f}" for v in luck), "% solved")
low, high = (100 * x for x in stats.wilson(int(once.correct.sum()), len(problems)))
share, tokens = 100 * once.correct.mean(), sum(once.lengths) / len(problems)
print(f"trained, once:  {tokens:4.0f} tokens, {share:.0f} % solved")

# %%
figure, axis = plots.canvas(width=5.5)
x, y, bottom, top = zip(*points, strict=True)
axis.fill_between(x, bottom, top, color=plots.GREY, alpha=0.2, linewidth=0)
axis.plot(x, y, color=plots.GREY, marker="o", label="base: 1, 2, 4, 8 tries")
axis.plot(x, luck, "k:", label="guesses by the rules, as often")
axis.plot(tokens, share, "o", color=plots.BLUE, label="after 60 steps: one answer")
axis.vlines(tokens, low, high, color=plots.BLUE)
plots.mark_guess(axis, x[-1], checks.guess("00.3"))
axis.set(title="Training packs the tries into one answer", ylim=(0, 100))
axis.set(xlabel="tokens a problem", ylabel="solved, %", xlim=(0, None))
axis.legend(fontsize=8, loc="upper left")
plots.show(figure, f"n = {len(problems)} held-out problems; 95 % interval.")

# %% [markdown]
# One answer of the trained model costs about as many tokens as four or five tries of the base, and solves more. And it needs no one to choose: it compares by itself, and where it stops, it is nearly always right (part 4). This is the idea of the three reports in its smallest form.
#
# It also opens their largest question. The base solves most of these problems if it may try often enough (blind guesses: half of them). So did training teach something, or only make likely what was there? Lessons 04 and 06 measure that.

# %% [markdown]
# ### Exercise 00.5 · code · 15 min · difficulty 4 of 5
# A last problem, which you pose. Where does what training brought end? Find a problem that the trained model does not solve in sixteen tries: three numbers from 1 to 15, a target from 10 to 99, and an expression that reaches it, as proof. Most problems on which it fails once it solves the next time. So look for a reason and not for luck: which steps does a text of this base never write? (`r1lab/tasks/countdown.py` draws them.)


# %%
def my_problem():
    """Returns: a list of three numbers, the target, an expression that reaches it."""
    ...  # your code


# %%
checks.check("00.5", my_problem)

# %% [markdown]
# <details><summary>Solution 00.5</summary>
#
# ```python
# def my_problem():
#     return [14, 15, 10], 21, "14*15/10"
# ```
#
# Every way leads over 210 or over a fraction. In the base's texts no result is larger than 199, and every division comes out even. The judge would accept it; but a reward can only make likelier what is written now and then, and these steps never are.
#
# </details>

# %% [markdown]
# ## What you can now do
#
# Answer without looking, then open.
#
# <details><summary>1. What did each report claim?</summary>
#
# o1: thinking longer pays, in training and at the question. R1: a rule as reward is enough. k1.5: a simple recipe will do, and long thinking can be made short.
#
# </details>
# <details><summary>2. Where are controls for R1-Zero, and where is its loss?</summary>
#
# Lesson 04; lesson 02.
#
# </details>
# <details><summary>3. Is 5+5+5+5 right for 20 from 13, 5, 2?</summary>
#
# No: wrong numbers, whatever the value.
#
# </details>
# <details><summary>4. Eight of eight are right. Is the share 100 %?</summary>
#
# Anything from about 68 % fits.
#
# </details>
# <details><summary>5. What did 60 steps change?</summary>
#
# One guess became a search: try, compare, try again. It solves several times as many problems, and on most of the rest it runs out of space.
#
# </details>

# %% [markdown]
# ## What this leaves out
#
# * How the training works. That is lesson 02, and lesson 04 runs it.
# * Whether any reward would have done it. Controls are in the README and in lesson 04.
# * Scale. A model of a million weights on one puzzle shows a mechanism. It says nothing about AIME.
# * Our base has read texts that search. A base that has read no second try gains next to nothing (README).
#
# ## References
#
# * OpenAI, Learning to reason with LLMs, 12 September 2024: AIME numbers.
# * DeepSeek-R1, [arXiv 2501.12948](https://arxiv.org/abs/2501.12948) v1, sections 2.2.2 to 2.2.4, Tables 1, 2 and 4, Figure 2; Nature 645, 633 (2025).
# * Kimi k1.5, [arXiv 2501.12599](https://arxiv.org/abs/2501.12599), abstract, sections 2.3, 2.4 and 3.4.
# * TinyZero, [github.com/Jiayi-Pan/TinyZero](https://github.com/Jiayi-Pan/TinyZero): countdown and multiplication.
# * Wilson, Probable inference, the law of succession, and statistical inference, 1927.
