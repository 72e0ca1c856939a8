# %% [markdown]
# # 10 · Cost and limits
# [Open in Colab](@COLAB@) · Papers: [DeepSeek-R1](https://arxiv.org/abs/2501.12948), section 5, and version 2, Table 7; [Nature 645, 633](https://doi.org/10.1038/s41586-025-09422-z) · Podcast from minutes 1:43:50, 2:20:07 and 2:24:35
#
# **Question.** What does reinforcement learning of this kind cost, how would one have known, and what did it leave undone?
#
# **You will be able to** 1. estimate a training on the back of an envelope, with a range (exercises 10.1, 10.6), 2. find which factor is wrong (10.2), 3. say where the time of a step goes (10.3, 10.4), 4. say when training pays (10.5), 5. tell a measurement from a rumour.
#
# **Before this** lessons 02 and 04.
#
# **Time** 50 min reading and doing; running: @MINUTES@.
#
# **Needs** no GPU, no download.

# %% tags=["setup"]
# @SETUP@

# %%
import numpy as np
import torch

from r1lab import checks, cost, curriculum, drawings, experiments, grpo, models, plots
from r1lab import policy, preflight, rewards, tasks, widgets
from r1lab.claims import ledger, scoreboard
from r1lab.machine import energy, environment, presets
from r1lab.speed import parts

# %% [markdown]
# ## 1. On the back of an envelope
#
# It is early in 2025. DeepSeek has said how R1 was trained and not what it cost. The episode's guest multiplies: 10,000 steps, 1,000 answers at each of them, 10,000 tokens an answer. A million tokens for 2.2 dollars, which is what DeepSeek asks of those who buy answers of R1 (2.19 on its price list).
#
# By hand, with powers of ten: $10^4 \cdot 10^3 \cdot 10^4 = 10^{11}$ tokens, a hundred billion. That is $10^5$ millions at 2.2 dollars each: 220,000 dollars.
#
# ### Exercise 10.1 · code · 4 min · difficulty 1 of 5
# Write it as a function, so that it can be asked about other trainings.


# %%
def my_dollars(steps, answers, tokens, price):
    """answers: a step; tokens: an answer; price: dollars for a million tokens;
    returns: dollars."""
    ...  # your code


# %%
checks.check("10.1", my_dollars)

# %% [markdown]
# <details><summary>Solution 10.1</summary>
#
# ```python
# def my_dollars(steps, answers, tokens, price):
#     return steps * answers * tokens / 1e6 * price
# ```
#
# Prices stand for a million tokens. To forget it is an error of a factor of a million, which one sees; to forget the answers of a step is one of a thousand, which one may not.
#
# </details>


# %%
def usual(steps, answers, tokens, price):
    return cost.dollars(steps * answers * tokens, price)


dollars = checks.mine("10.1", my_dollars, usual)
guest = {"steps": 10_000, "answers": 1_000, "tokens": 10_000, "price": 2.2}
print(f"the guest's envelope: {dollars(*guest.values()):,.0f} dollars")
print(f"our own zero, 85 steps x 128 answers x 200 tokens at that price: "
      f"{dollars(85, 128, 200, 2.2):.2f} dollars")  # fmt: skip

# %% [markdown]
# In September 2025 the report appeared in Nature, and its second version has a table of cost (Table 7). With 512 cards of the kind H800, at two dollars for an hour of one:
#
# | | hours of a card | dollars |
# |---|---|---|
# | R1-Zero | 101,000 | 202,000 |
# | data for the supervised stage | 5,000 | 10,000 |
# | R1 | 41,000 | 82,000 |
# | together | 147,000 | 294,000 |
#
# So R1-Zero cost 202,000 dollars, and the envelope said 220,000: right to a tenth. *Predict: was the guest right, or lucky?*
#
# First the table itself. A table that one uses should be added up.

# %%
n = ledger.numbers("C-04")
hours = {"R1-Zero": n["r1_zero_wall_hours"], "R1": n["r1_wall_hours"]}
for name, wall in hours.items():
    product = n["gpus"] * wall
    print(f"{name}: {n['gpus']} cards x {wall} hours = {product:,} hours of a card")
total = sum(n[f"{part}_thousand_hours"] for part in ("r1_zero", "data", "r1"))
print(f"together {total} thousand hours, at {n['dollars_per_hour']} dollars "
      f"{total * n['dollars_per_hour']} thousand dollars")  # fmt: skip
base = ledger.numbers("C-03")["pre_training_million_h800_hours"]
print(
    f"the base, before all this: {base} million hours, {2 * base:.2f} million dollars"
)

# %% [markdown]
# The sums hold. (Some press articles wrote 648 cards; 648 times 198 hours would be 128,000.) The base is where the money went: DeepSeek-V3 took 26 times as many hours to pre-train as R1-Zero took to learn. The guest's "6 million" for it is right to an eighth.
#
# ## 2. Two errors
#
# Nature also names what the envelope had to guess: 10,400 steps, with 32 problems times 16 answers. The length of the answers is drawn, up to step 8,400 (version 1, Figure 3). So the tokens can be added up.
#
# ### Exercise 10.2 · predict · 3 min · difficulty 2 of 5
# How many billion tokens did R1-Zero write in 10,400 steps of 512 answers? The guest's 10,000 tokens an answer are where the curve *ends*; it begins near 550. Nobody judges your guess; the figure has it as a mark.

# %%
my_guess = ...  # billions

# %%
checks.check("10.2", my_guess)

# %% [markdown]
# <details><summary>Solution 10.2</summary>
#
# ```python
# my_guess = 25
# ```
#
# There is no right guess. A straight line from 550 to 9,600 has the mean 5,000, and 5,000 tokens times 512 answers times 10,400 steps are 27 billion.
#
# </details>

# %%
run = ledger.numbers("C-05")
step, low, high = cost.r1_zero_curve(run["steps"], run["answers_per_step"])
figure, axis = plots.canvas(width=6.0)
axis.fill_between(step, low / 1e9, high / 1e9, color=plots.BLUE, alpha=0.3)
axis.plot(step[:-1], low[:-1] / 1e9, color=plots.BLUE, linewidth=2, label="R1-Zero")
even = 1e-9 * guest["answers"] * guest["tokens"] * step
axis.plot(step, even, color=plots.ORANGE, label="the guest's envelope")
plots.mark_guess(axis, step[-1], checks.guess("10.2"))
axis.set(title="The estimate has three times too many tokens", xlabel="RL step")
axis.set(ylabel="tokens so far, billions", ylim=(0, None))
axis.legend(fontsize=8)
caption = (
    "Area under Figure 3 of version 1, digitised; pale: no curve is drawn any more."
)
plots.show(figure, caption)
print(f"to step {step[-2]:.0f}: {low[-2] / 1e9:.1f} billion; in all between "
      f"{low[-1] / 1e9:.0f} and {high[-1] / 1e9:.0f}")  # fmt: skip

# %% [markdown]
# Up to the last point drawn there are 19 billion. For the last 2,000 steps nothing is drawn, and the limit on length was doubled there; between "as long as at the end of the curve" and "20,000 each" lies the pale part. Say 34 billion: a third of the guess.
#
# Then how could the dollars be right? Divide: 202,000 dollars for 34 billion tokens are some 6 dollars a million, nearly three times the price of a bought token. A bought token has been written, and no more. One in a training is also learned from, by 512 cards that wait for the longest answer.

# %%
tokens = (low[-1] + high[-1]) / 2
disclosed = {"steps": run["steps"], "answers": run["answers_per_step"]}
disclosed["tokens"] = tokens / disclosed["steps"] / disclosed["answers"]
disclosed["price"] = 202_000 / (tokens / 1e6)
names = "steps", "answers a step", "tokens an answer", "dollars a million tokens"
errors = dict(zip(names, cost.factors(guest, disclosed).values(), strict=True))
figure, axis = plots.canvas(width=6.2, height=2.9)
drawings.factors(axis, errors, "dollars")
axis.set(title="Three times the tokens, a third of the price")
axis.set_xlabel("estimate divided by what was disclosed")
plots.show(figure, "The axis multiplies: bars to the right and to the left cancel.")
print(f"{disclosed['tokens']:,.0f} tokens an answer, "
      f"{disclosed['price']:.2f} dollars a million tokens")  # fmt: skip

# %% [markdown]
# So: right by two errors that cancel. How lucky is that? By hand: let each of four factors be three times too high or three times too low, by a coin. Of the 16 cases 6 have two of each and come out exactly right, 8 are off by 9, and 2 by 81. So an envelope is rarely as bad as all of its errors together, and a product that fits says little about its factors. The guest's two bounds: "a million at most, with all its waste" held; "done well perhaps a tenth of that" is half of what was reported.
#
# Try it: which single change makes the estimate worst?

# %%
widgets.envelope(guest, disclosed)

# %% [markdown]
# What neither the envelope nor the table holds: salaries, the trainings that failed, the small models they tried first, and the base.
#
# ## 3. What your run costs
#
# Now the same for a run of your own. Five steps of `zero`: four numbers, up to 900 tokens an answer, sixteen problems with eight answers. The clock takes the two halves of each step apart: to *sample* and judge, and to *learn*.

# %%
FAST = environment.fast()
P, G, CAP, STEPS = (4, 4, 96, 2) if FAST else (16, 8, 900, 5)
model, tokenizer = models.load("rich")
own = models.prepare(model, 8, seed=5)
learner = policy.learner(own, tokenizer, 1.2e-3)
config = grpo.Config(steps=STEPS, prompts=P, group=G, max_new=CAP, lr=1.2e-3, seed=5)
pool = tasks.problems("countdown", 256, 0, "train", size=4)
paid, mine, lines = rewards.reward_set("rule"), [], []
taken = energy.counters()
for number in range(1, STEPS + 1):
    asked = curriculum.uniform(pool, P, 5, number)
    found, roll = parts.step(learner, asked, paid, config, number)
    mine.append(found)
    lines.append(roll.line() | {"update_tokens": found.learned})
    print(f"step {number}: {found.tokens:6,} tokens, sampling {found.sampling:5.1f} s,",
          f"learning {found.learning:5.1f} s")  # fmt: skip
joules = energy.joules(taken, energy.counters())

# %% [markdown]
# Seconds one can read off a clock. Energy only where the machine tells: many servers have a counter in the processor, most laptops keep it to themselves. Where it is silent, the next cell assumes 15 watts, about what a laptop takes under such a load, and says so. The price of electricity is an assumption, too. Put in your own.

# %%
WATTS, PER_KWH = 15, 0.30  # assumed: this machine's draw; dollars a kilowatt-hour
seconds = sum(one.sampling + one.learning for one in mine)
wh = joules / 3600 if joules else cost.watt_hours(seconds, WATTS)
how = "measured by the processor" if joules else f"assumed: {WATTS} W"
written = sum(one.tokens for one in mine)
print(f"{STEPS} steps: {written:,} tokens in {seconds / 60:.2f} minutes,",
      f"{wh:.3f} Wh ({how})")  # fmt: skip
electric = wh / 1000 * PER_KWH / (written / 1e6)
print(f"electricity alone, {PER_KWH:.2f} dollars a kWh: "
      f"{electric:.4f} dollars a million tokens")  # fmt: skip

# %% [markdown]
# And the runs that came with the course, all five seeds of each. Minutes are those of one core of the machine that made them.

# %%
ARMS = {
    "zero, four numbers": ("zero", "rule"),
    "habits, three numbers": ("habits", "rule"),
    "judge, three numbers, cap 256": ("judge", "rule"),
    "zero with a base without a second try": ("zero", "parts"),
    "SmolLM2-135M, sums": ("zero", "smol"),
}
runs = {name: experiments.recorded(*arm) for name, arm in ARMS.items()}
print(f"{'thousand tokens':>48}   minutes   cents   right")
for name, found in runs.items():
    k = np.mean([sum(m["tokens"] for m in run.metrics) for run in found]) / 1e3
    spent = np.mean([run.summary["seconds"] for run in found])
    right = 100 * np.mean([run.summary["after"]["accuracy"] for run in found])
    money = 100 * PER_KWH * cost.watt_hours(spent, WATTS) / 1000
    print(f"{name:38}{k:10,.0f}{spent / 60:10.1f}{money:8.3f}{right:6.0f} %")

# %% [markdown]
# About a tenth of a cent for electricity, or less. The machine you have bought, your hour and the room it is warm in cost more; Table 7's two dollars are a rent, in which all of that is contained.
#
# ## 4. Where the time of a step goes
#
# A claim that one hears often, and that we made ourselves from R1's numbers (C-06): such a training spends its time on sampling. Its answers are written token by token, each waiting for the one before; to learn from them, all tokens of an answer go through the model at once.
#
# ### Exercise 10.3 · predict · 3 min · difficulty 2 of 5
# The tiny model, 16 problems with 8 answers of 64 tokens, all learned from: how many percent of the time are sampling?

# %%
my_share = ...  # percent

# %%
checks.check("10.3", my_share)

# %% [markdown]
# <details><summary>Solution 10.3</summary>
#
# ```python
# my_share = 40
# ```
#
# There is no right guess; the figure below is measured on your machine.
#
# </details>

# %%
fresh = policy.learner(models.prepare(models.load("rich")[0], 8), tokenizer, 1e-3)
prompts = [tasks.prompt(p, "tiny") for p in pool[:16]]
LENGTHS = (8, 16, 32) if FAST else (16, 64, 256)
SIZES = (
    {1: (1, 1), 8: (1, 8), 32: (4, 8)}
    if FAST
    else {1: (1, 1), 16: (2, 8), 128: (16, 8)}
)
parts.forced(fresh, prompts[:1], 2, 8)  # the first call pays for warming up
shares = {}
for answers, (problems, group) in SIZES.items():
    ask = prompts[:problems]
    found = [parts.forced(fresh, ask, group, length) for length in LENGTHS]
    shares[answers] = [100 * one.share for one in found]
    said = (f"{one.length:.0f} tokens {100 * one.share:.0f} %" for one in found)
    print(f"{answers:3} answers: " + ", ".join(said))

# %%
figure, axis = plots.canvas(width=5.6)
colours = plots.GREY, plots.ORANGE, plots.BLUE
for (answers, row), colour in zip(shares.items(), colours, strict=True):
    axis.plot(LENGTHS, row, marker="o", color=colour)
    axis.text(LENGTHS[-1] * 1.07, row[-1], f"{answers} at once", color=colour,
              va="center", fontsize=9)  # fmt: skip
axis.axhline(50, color=plots.GREY, linestyle=":", linewidth=1)
plots.mark_guess(axis, LENGTHS[1], checks.guess("10.3"))
axis.set_xscale("log", base=2)
axis.set_xticks(LENGTHS, [str(length) for length in LENGTHS])
axis.set(
    title="Fewer answers at once: more of the time is sampling",
    xlabel="tokens an answer",
)
axis.set(ylabel="of a step's time, sampling, %", ylim=(0, 100))
axis.set_xlim(LENGTHS[0] * 0.9, LENGTHS[-1] * 2)
plots.show(figure, "This machine; one step each. Dotted: as long as learning.")

# %% [markdown]
# How many answers are written at once matters most. A single answer gives the processor little to do at each token; with 128 the matrices are full, and a token sampled costs less than one learned from, which goes forward and back. On a graphics card it takes far more answers to fill it, and the longest answer of a step keeps all others waiting: R1-Zero's cards, by our count in part 6, did useful work for a few percent of what they can.

# %%
for arm in ("base", "trained"):
    found = [run.summary["measured"] for run in experiments.recorded("clock", arm)]
    for one in found:
        spent = one["sampling"] + one["learning"]
        part, each = 100 * one["sampling"] / spent, spent / one["steps"]
        print(f"{arm:8} {one['length']:4.0f} tokens an answer, {each:5.1f} s a step,",
              f"sampling {part:.0f} %")  # fmt: skip
    if not found:
        print(f"{arm}: not recorded yet (python -m r1lab record clock)")
share = sum(one.sampling for one in mine) / seconds
print(f"your five steps: sampling {100 * share:.0f} %")

# %% [markdown]
# The claim asks that sampling takes 60 % of the time in each of five recorded seeds, over steps at both ends of the training. On one core it does not: 60 to 63 % with the base, 47 to 49 % with the trained policy, 48 to 50 % together. Not because the base's answers are short: 26 to 42 % of its tokens, prompts included, lie in groups without a signal, from which nothing is learned. Were all learned from, its share would be some 50 %. A card, which learns from many tokens at once and writes one at a time, may well differ.

# %% [markdown]
# ### Exercise 10.4 · experiment · 15 min · difficulty 4 of 5
# Find both ends on your machine. For "sampling" give a step (problems, answers a problem, tokens an answer) in which sampling takes at least one and a half times as long as learning; for "learning" one in which it is the other way round. All answers are learned from. At most 64 problems, 900 tokens an answer and 16,384 tokens a step. `parts.forced` above gives the times.


# %%
def my_size(part):
    """part: "sampling" or "learning"; returns: (problems, answers, tokens)."""
    ...  # your code


# %%
checks.check("10.4", my_size)

# %% [markdown]
# <details><summary>Solution 10.4</summary>
#
# ```python
# def my_size(part):
#     return (1, 1, 300) if part == "sampling" else (16, 8, 24)
# ```
#
# One answer alone has no company at its tokens. Many short ones have, and are cheap to sample; to learn from them costs what it costs. Real runs lie between, and move: as answers grow and most have ended, the last ones are alone.
#
# </details>

# %% [markdown]
# ## 5. When does training pay?
#
# Lesson 04 left us with two ways to the same accuracy on four numbers: train, or take the base as it is and keep it from stopping (`think-on`). The second needs no training at all. That is a run made far more than ten times cheaper, if one asks few questions. But whoever asks often pays for each answer, and the trained model's are a little shorter. To add the two up one needs a common unit.
#
# Minutes depend on the machine, so we count *operations*: multiplications and additions. A token that passes a matrix costs two for each of its weights. Attention adds four per layer and unit for each token that stands before. Back through frozen weights it costs as much again as forward.

# %%
shape = cost.shape(model.config)
twice = 2 * shape.weights / 1e6
print(f"a token passes {shape.weights:,.0f} weights: {twice:.2f} million operations")
for before in (50, 500):
    more = shape.pairs * before
    print(f"attention with {before} tokens before it: {more / 1e6:.2f} million more")
work = cost.of_run(lines)
done = cost.operations(shape, work)
print(f"your {STEPS} steps: {done / 1e9:,.0f} billion operations,",
      f"{done / seconds / 1e9:.1f} billion a second")  # fmt: skip

# %% [markdown]
# Numbers by hand: 0.95 million weights, two operations each, so 1.9 million for a token; with 500 tokens before it attention adds 1.3 million. What torch's own counter says is the same, and a test holds us to it.
#
# ### Exercise 10.5 · code · 12 min · difficulty 4 of 5
# Given arms with their accuracy, the operations of their training and those of an answer: which is the cheapest for a number of questions? An arm counts only if it is right at most 3 points less often than the best one.


# %%
def my_choice(arms, questions):
    """arms: name -> (right, percent; operations of training; of an answer);
    questions: how many will be asked; returns: a name."""
    ...  # your code


# %%
checks.check("10.5", my_choice)

# %% [markdown]
# <details><summary>Solution 10.5</summary>
#
# ```python
# def my_choice(arms, questions):
#     best = max(right for right, training, answer in arms.values())
#     near = {name: arm for name, arm in arms.items() if arm[0] >= best - 3}
#
#     def price(name):
#         return near[name][1] + questions * near[name][2]
#
#     return min(near, key=price)
# ```
#
# Without the first two lines the untrained guesser wins: it is cheap and wrong. Equal accuracy is the condition, cost comes after it.
#
# </details>

# %%
choice = checks.mine("10.5", my_choice)
found = {}
for name, arm in {"trained": "rule", "think-on": "think-on"}.items():
    seeds = experiments.recorded("zero", arm)
    ends = [run.summary.get("after") or run.summary["measured"] for run in seeds]
    long = np.mean([end["length"] for end in ends])
    answer = cost.sampling(shape, cost.Work(long, 0, 14 + long / 2))
    works = [cost.of_run(run.metrics) for run in seeds if run.metrics]
    training = np.mean([cost.operations(shape, w) for w in works]) if works else 0.0
    right = 100 * np.mean([end["accuracy"] for end in ends])
    found[name] = right, training, answer
    print(f"{name:8} {right:.1f} % right, training {training:.2g} operations,"
          f" an answer {answer:.2g}")  # fmt: skip
even = found["trained"][1] / (found["think-on"][2] - found["trained"][2])
for questions in (1_000, 10_000_000):
    print(f"{questions:,} questions: {choice(found, questions)}")
print(f"as cheap at {even / 1e3:.0f} thousand questions")

# %%
figure, axis = plots.canvas(width=5.6)
asked = np.geomspace(100, 1e7, 60)
for (name, (_, training, answer)), colour in zip(
    found.items(), (plots.BLUE, plots.ORANGE), strict=True
):
    axis.plot(asked, training + asked * answer, color=colour, label=name, linewidth=2)
axis.axvline(even, color=plots.GREY, linestyle=":")
axis.set(xscale="log", yscale="log", xlabel="questions asked")
axis.set(
    title="Training pays after some hundred thousand questions",
    ylabel="operations in all",
)
axis.legend(fontsize=8)
plots.show(figure, "Four numbers, mean of five seeds; both are right about as often.")

# %% [markdown]
# For a thousand questions the untrained base is cheaper by more than ten times; beyond some hundred thousand the trained one is. (Seed by seed the lines cross between 66 and 255 thousand: the trained answers are shorter in all five, by little.) A model that is asked by millions of people is on the far side of that line. This is also why the price of an answer, and so its length, became the next thing to work on (lesson 09).
#
# ## 6. Up to R1's size
#
# How far does counting carry? First a step whose end we know: from the tiny model to SmolLM2, with 140 times the weights. The tiny runs tell how many operations a second a core does; the count tells how many SmolLM2's run needs; the recorded run tells the minutes. *Predict: will the forecast be too long or too short?*

# %%
small = runs["habits, three numbers"]
rates = [
    cost.operations(shape, cost.of_run(run.metrics)) / run.summary["seconds"]
    for run in small
]
larger = cost.shape(models.config_of("smollm2"))
needs = [
    cost.operations(larger, cost.of_run(run.metrics, preflight.PROMPT["smollm2"]))
    for run in runs["SmolLM2-135M, sums"]
]
forecast = np.mean(needs) / np.mean(rates) / 60
spent = np.mean([run.summary["seconds"] for run in runs["SmolLM2-135M, sums"]])
print(f"the tiny model: {np.mean(rates) / 1e9:.0f} billion operations a second")
print(
    f"SmolLM2's run: {np.mean(needs) / 1e12:.0f} trillion, forecast {forecast:.0f} min"
)
pace = np.mean(needs) / spent / 1e9
print(f"recorded: {spent / 60:.0f} min, {pace:.0f} billion a second")

# %% [markdown]
# Too long by a factor of eight. A count says how much work there is, not how well a machine does it: small matrices keep a core busy with fetching and not with multiplying. (Reading the prompts before sampling is not in the count either; that is a few percent here.) So of the next cell believe the first line, and the others as far as you would have believed the last forecast.

# %%
size = ledger.numbers("C-06")
widths = size["query_width_of_a_head"] + size["value_width_of_a_head"]
r1 = cost.Shape(
    1e9 * size["active_weights_billion"], 2 * size["layers"] * size["heads"] * widths
)
drawn, length, _ = plots.paper_curve("r1_zero_length")
context = (length**2).sum() / length.sum() / 2  # a long answer has more tokens to count
zero = cost.Work(tokens, tokens, context)
whole = cost.operations(r1, zero, "full")
bare = cost.operations(cost.Shape(r1.weights, 0), zero, "full")
spent = n["gpus"] * n["r1_zero_wall_hours"] * 3600
attention = 100 * (1 - bare / whole)
print(f"R1-Zero: {whole:.1e} operations, {attention:.0f} % of them attention")
print(f"useful work of a card: {whole / spent / 1e12:.0f} trillion a second")
four = runs["zero, four numbers"]
ours = np.mean([cost.operations(shape, cost.of_run(run.metrics)) for run in four])
print(f"our zero, four numbers: {ours:.1e}, one part in {whole / ours:.0e}")
years = whole / np.mean(rates) / 3600 / 24 / 365
print(f"R1-Zero on a core like the one that made our runs: {years:,.0f} years")
print(f"our run on R1-Zero's cards: {ours / (whole / spent * n['gpus']):.4f} seconds")

# %% [markdown]
# Two sides of one division. The last line is absurd, and that is what it is there for: 512 cards cannot work on 128 answers of a tiny model. Left out are the numbers that travel between cards, the experts of which each token uses a few and memory must hold all, the answers that end early and leave their places empty, what the sampler keeps for each of thousands of tokens, and the passes for the reference policy.
#
# A card of this kind is sold with some thousand trillion operations a second in this precision (a maker's number that we did not measure). Useful were about three of a hundred. How much of the rest was waiting for tokens, this count cannot say.

# %% [markdown]
# ### Exercise 10.6 · code · 15 min · difficulty 4 of 5
# Your own envelope, with a range: what R1's own reinforcement learning cost, both stages together. Known: 512 answers a step, and 1,700 steps in the second stage. Not said: how many the first stage has. You have seen the sum, 82,000 dollars (all of R1's training, taken as reinforcement learning), and the all-in price of part 2; so this one runs backwards. Give a pair (low, high) for each factor. What is known must stay inside; the product must hold the sum, and be no wider than a factor of 30.


# %%
def my_range():
    """returns: {"steps": (low, high), "answers": ..., "tokens": ..., "price": ...},
    price in dollars a million tokens."""
    ...  # your code


# %%
checks.check("10.6", my_range)

# %% [markdown]
# <details><summary>Solution 10.6</summary>
#
# ```python
# def my_range():
#     return {
#         "steps": (2_000, 6_000),
#         "answers": (512, 512),
#         "tokens": (5_000, 12_000),
#         "price": (5.0, 7.0),
#     }
# ```
#
# 82,000 dollars at 6 a million are 14 billion tokens. At 512 answers of 8,000 tokens that makes some 3,300 steps, so the first stage should have had one or two thousand: a number that the report does not give. A range that multiplies four low ends is pessimistic, since they will not all be low; but an estimate without a range cannot be wrong, and so says little.
#
# </details>

# %% [markdown]
# ## 7. On your GPU
#
# The same count for the presets of lesson 04. Minutes depend on your card; where there is one, they are measured by a few seconds of sampling and learning, with every completion at the cap. Where there is none, the cell assumes some three of a hundred of what such cards are sold with, as in part 6, and says so; the watts and the rents are assumptions as well.

# %%
from dataclasses import replace

from r1lab.preflight import fits

ASSUMED = {  # operations a second that are useful, watts, dollars an hour of rent
    "t4": (2e12, 70, 0.40),
    "gpu24": (1e13, 300, 0.50),
}
for name, (rate, watts, rent) in ASSUMED.items():
    preset = replace(presets.named(name), dtype="float16")
    prompt = preflight.PROMPT[preset.template]
    planned = cost.planned(preset, prompt)
    needed = cost.operations(cost.shape(models.config_of(preset.model)), planned)
    minutes, source = needed / rate / 60, f"assumed: {rate:.0e} a second"
    if torch.cuda.is_available():
        minutes, source = fits.minutes(presets.pick(name)), "measured on this card"
    gib = preflight.need(preset, prompt, "grpo").wanted
    kwh = cost.watt_hours(60 * minutes, watts) / 1000
    print(f"{name}, {preset.model}: {gib:.1f} GiB, {planned.sampled / 1e6:.1f} million",
          f"tokens, {needed:.1e} operations\n  {minutes:.0f} min ({source}),",
          f"{kwh:.2f} kWh, {rent * minutes / 60:.2f} dollars of rent")  # fmt: skip

# %% [markdown]
# TinyZero says "under 30 dollars" for its model of three billion weights (C-07). We cannot check it, having no such card; the count for `gpu24`, the same model and task with fewer steps, says that it is not far-fetched.

# %% [markdown]
# ## 8. What each report said is next
#
# Each report ends with what it does not do, and since then there is a record. Where we could not read the announcement itself but a copy or another's account, it says so.
#
# **DeepSeek-R1**, section 5 (January 2025):
#
# | said | since |
# |---|---|
# | below V3 at calling functions, long talks, role play, JSON (FW-01) | R1-0528, 28 May 2025: function calls and JSON (copies of the model card). V3.2, 1 December 2025: thinks while it uses tools (DeepSeek's [change log](https://api-docs.deepseek.com/updates), and accounts of it) |
# | mixes languages (FW-02) | V3.1-Terminus, 22 September 2025: fewer mixtures of Chinese and English, says the change log, so there were some |
# | sensitive to its prompt (FW-03) | lesson 05 |
# | software engineering: checks are slow (FW-04) | lesson 03 tries late rewards; agents for code stand in the same entry of the change log |

# %% [markdown]
# **Nature's version** (17 September 2025 by the accounts that we read, FW-05) adds what remains in its way: rewards that can be cheated where no reliable check exists, too much thinking, no tools. Lesson 03 cheats such a reward; lessons 08 and 09 try to shorten thoughts. On length the record points the other way at first: R1-0528 used 23,000 tokens for a question of AIME 2025 where R1 had used 12,000, and went from 70 to 87.5 % (copies of the model card).

# %% [markdown]
# **Kimi k1.5** (section on conclusions) wants better credit for single steps, and less thinking without less exploring. Kimi K2 has no long thoughts and is made for tools (its README); K2 Thinking has both. July and November 2025, by others' accounts.
#
# **o1** (September 2024) says that its way of scaling meets other limits than pre-training and will climb (O1-09). On AIME 2024: o1 74.4 %, o3-mini at high effort 83.6 % on 31 January 2025. o3 and o4-mini, 16 April 2025, use tools while they think (a copy of the post). That is a record of models, not a law: what else changed between them is not told.

# %% [markdown]
# ## 9. What cannot be measured here
#
# At 1:14:52 the episode asks whether such a model can become conscious, or understands. No run of this course speaks to that. What can be measured is behaviour. So here is a warning about reading behaviour. Three policies on three numbers, and what one sees in their answers: sums tried, and answers that reject a try.

# %%
SHOWN = {
    "the base": ("habits", "rule", "before"),
    "paid by the rule": ("habits", "rule", "after"),
    "paid by judge-85": ("judge", "judge-85", "after"),
}
print(f"{'':17} different tries   answers that reject a try   right")
for name, (experiment, arm, when) in SHOWN.items():
    ends = [run.summary[when] for run in experiments.recorded(experiment, arm)]
    tries, rejects, right = (
        np.mean([end[key] for end in ends]) for key in ("tries", "rejects", "accuracy")
    )
    print(f"{name:17}{tries:12.1f}{100 * rejects:22.0f} %{100 * right:16.0f} %")
seen = experiments.recorded("judge", "judge-85")[0].samples[-1]
print(f"\ntarget {seen['target']} from {seen['numbers']}, paid by judge-85:")
print(seen["completions"][0][:150] + "...")

# %% [markdown]
# The third looks as thoughtful as the second. It tries, compares, says no and goes on, in four of five answers, and is never right: it was paid for long thoughts (lesson 03). In the answer above it does not even take the numbers of its problem. Whoever finds a mind in the one text would find it in the other. Whether there is "understanding" in the second one we cannot say either; that it solves held-out problems, and which change of its text changes its answer, we can.

# %% [markdown]
# **Rumours** (QA-01, minute 2:24:35). That OpenAI pays people with doctorates by the hour for annotation has no source that could be checked, and no run decides it. What the papers do say: R1's cold start went through the hands of annotators, and Kimi's list of authors has a group for data annotation with 16 names.
#
# **Who tells what** (QA-02). The first version of R1 has no learning rate, no group size, no batch, no cost; the second and Nature have all four. Kimi's report describes many tricks and gives neither its rate, nor tau, nor the number of samples, nor the weight of its length reward. So "read both" is good advice; which of the two shows more depends on the date of your copy.

# %% [markdown]
# ## 10. Verdicts
#
# C-01 to C-05 are worked out from disclosed figures. Nothing is left to chance in them, so there is no interval, and their criteria were written when the figures were known: they say whether a sum holds, not whether a forecast came true. Several rows cannot be tested here, each with its reason.

# %%
rows = [row for row in scoreboard.every() if row["lesson"] == "10"]
print(scoreboard.text([row for row in rows if row["verdict"] != "X"]))
print("\nCannot be tested here:")
for row in rows:
    if row["verdict"] == "X":
        print(f"  {row['id']:6} {row['reason']}")

# %% [markdown]
# ## The sentence that stays
#
# **An estimate is worth its range: a product can be right while each of its factors is wrong.**

# %% [markdown]
# ## What you can now do
#
# Answer without looking, then open.
#
# <details><summary>1. How do you estimate the cost of a training like R1-Zero's?</summary>
#
# Steps times answers times tokens, times a price; each with a range.
#
# </details>
# <details><summary>2. Which errors cancelled in the guest's envelope?</summary>
#
# Three times too many tokens, at a third of the price of a token in training.
#
# </details>
# <details><summary>3. Does such a training spend its time on sampling?</summary>
#
# It depends on how many answers are written at once, on how many groups have a signal, and on the machine. Measure it.
#
# </details>
# <details><summary>4. When is training the cheaper way?</summary>
#
# When so many questions are asked that shorter answers pay back the training, at equal accuracy.
#
# </details>
# <details><summary>5. What does a count of operations not say?</summary>
#
# How many of them a machine does in a second; from a tiny model to SmolLM2 that grew eightfold.
#
# </details>

# %% [markdown]
# ## What this leaves out
#
# * R1-Zero's last 2,000 steps are drawn nowhere, so its tokens are known to a factor of 1.4, and the price of one with it.
# * The recorded minutes come from cores that were shared with other work, and from two machines (`data/runs/README.md`). Ratios inside a step suffer less from that than minutes.
# * Prices, watts and rents in parts 3 and 7 are assumptions, made to be changed. The energy of a data centre is more than that of its cards; no report gives either.
# * Announcements in part 8 were read in copies where it says so, and stop at December 2025.

# %% [markdown]
# ## References
#
# * DeepSeek-R1, [arXiv 2501.12948](https://arxiv.org/abs/2501.12948), version 1, section 5 and Figure 3; version 2, Table 7; Nature 645, 633 (2025).
# * DeepSeek-V3, [README](https://github.com/deepseek-ai/DeepSeek-V3) and `inference/configs/config_671B.json`: hours, active weights, layers and heads.
# * DeepSeek, [change log of the API](https://api-docs.deepseek.com/updates).
# * Kimi k1.5, [arXiv 2501.12599](https://arxiv.org/abs/2501.12599), conclusions; Kimi K2, [README](https://github.com/MoonshotAI/Kimi-K2).
# * OpenAI, [Learning to reason with LLMs](https://openai.com/index/learning-to-reason-with-llms/), 2024; OpenAI o3-mini, 31 January 2025.
# * [TinyZero](https://github.com/Jiayi-Pan/TinyZero), README.
