# %% [markdown]
# # 07 · Two attempts that failed: judges of steps and tree search
# [Open in Colab](@COLAB@) · Paper: [DeepSeek-R1](https://arxiv.org/abs/2501.12948), section 4.2 · Podcast from minute 1:35:27
#
# **Question.** R1's authors tried rewards for steps and tree search, and gave up both. What failed: the method, the judge, or the scale?
#
# **You will be able to** 1. label a step exactly (exercise 07.1), 2. say what a sum of rewards makes of a model (07.2), 3. say what labels from rollouts measure (07.3), 4. find what a judge of steps loves and should not (07.4), 5. write a value for a tree (07.5).
#
# **Before this** lessons 03 and 04.
#
# **Time** 65 min reading and doing; running: @MINUTES@.
#
# **Needs** no GPU, no download.

# %% tags=["setup"]
# @SETUP@

# %%
import json
from statistics import fmean

import numpy as np

from r1lab import branches, checks, evaluate, experiments, models, plots, prm
from r1lab import steps, tasks, widgets
from r1lab.experiments import prm_and_mcts, tree_search
from r1lab.tasks import Problem
from r1lab.tiny_world import competence

# %% [markdown]
# ## 1. One page of the report
#
# Section 4.2 lists two "unsuccessful attempts". A *process reward model*, PRM for short, judges each step of an answer; an outcome reward judges the end. Three limits are given. It is hard to say what a step is. It is hard to say whether a step is right: models label poorly, people at a price. And a policy that is paid by such a judge cheats it, so the judge must be trained again and again. One good word remains: a PRM is of use to choose among finished answers.
#
# *Tree search*, as in AlphaGo and AlphaZero (MCTS), needs a step too. Over tokens the tree is far wider than that of a board game; a limit on its size leads into dead ends; and the value that steers it is hard to train. It helped when answering, but a model that learned from its own searches did not go on improving.

# %% [markdown]
# The report gives no numbers for either, and it speaks of one lab's attempts. Others got further later, and this belongs beside it: PURE (arXiv 2504.15275) blames the *sum* over steps and pays for the worst step instead; PRIME (2502.01456) trains the judge along with the policy, from outcomes alone; Setlur and others (2410.08146) pay for the *progress* of a step; rStar-Math (2501.04519) reports four rounds of tree search that took Qwen2.5-Math-7B from 58.8 to 90.0 % on MATH, with steps that are code.
#
# Our world has an advantage that no language has: a step is a sum, and whether it was a good one can be worked out. So two of the three limits are absent here. What still fails here must have another reason.

# %% [markdown]
# ## 2. A step and its label
#
# After `14+8=22` the numbers 22 and 4 are left. A step is *good* where the target can still be reached with what is left. Reach 28 from 14, 8 and 4: there are ten first sums with a whole result above 0. *Predict before you look: how many of the ten are good?*

# %%
P = Problem("countdown", (14, 8, 4), 28)
figure, axis = plots.canvas(width=7.4, height=3.6)
branches.draw(axis, P)
axis.set_title("Two of ten whole first sums are good")
plots.show(
    figure, "Each row: a first sum, and on the axis of values what can come next."
)

# %% [markdown]
# ### Exercise 07.1 · code · 8 min · difficulty 2 of 5
# Write the label. With all of `numbers`, each once, and `+ - * /` in any order, can the target be reached? Fractions on the way are allowed. Take two numbers, put their result in their place, and ask again.


# %%
def my_reachable(numbers, target):
    """numbers: one to three whole numbers; returns: True or False."""
    ...  # your code


# %%
checks.check("07.1", my_reachable)

# %% [markdown]
# <details><summary>Solution 07.1</summary>
#
# ```python
# from fractions import Fraction
# from itertools import permutations
#
#
# def my_reachable(numbers, target):
#     if len(numbers) == 1:
#         return numbers[0] == target
#     for i, j in permutations(range(len(numbers)), 2):
#         a, b = Fraction(numbers[i]), Fraction(numbers[j])
#         rest = [n for k, n in enumerate(numbers) if k not in (i, j)]
#         made = [a + b, a - b, a * b] + ([a / b] if b else [])
#         if any(my_reachable([*rest, v], target) for v in made):
#             return True
#     return False
# ```
#
# For people who label steps of a proof there is no such function.
#
# </details>

# %%
from r1lab.machine import environment

reachable = checks.mine("07.1", my_reachable, steps.reachable)
FAST = environment.fast()  # a short trial of the lesson
for left in ((22, 4), (112, 4), (14, 2), (10, 8)):
    print(f"28 from {left}: {reachable(left, 28)}")

# %% [markdown]
# Even here one thing is hard to define. A search takes steps *back*: behind `22+4=26 vs 28 no; ` a `14*8=112` starts anew. We let each sum go on from the latest state that has its numbers, and count the answer as the last step. Steps back from the target (`28-4=24 so`) use a number that is not there and count as bad, which is unjust. Our base hardly ever takes them.
#
# ## 3. A judge of steps
#
# A head with one hidden layer reads, at the end of each step, what the frozen base knows there. It was trained on some 40,000 steps of the base's own answers with the exact labels. Here is one search on a new problem, painted.

# %%
model, tokenizer = models.load("rich")
judge = prm.load("exact")


def said_of(judge, problem, text):
    """The steps of a completion, and the judge's probability for each."""
    read = steps.read(problem, text)
    prompts, ends = [tasks.prompt(problem, "tiny")], [[step.end for step in read]]
    return read, prm.scores(judge, prompts, [text], ends)[0]


search = (
    "<think>14+8=22; 22+4=26 vs 28 no; 22-4=18 vs 28 no; 22*4=88 vs 28 no; 14*8=112; "
    "112/4=28 vs 28 yes. Then 14*8=112, 112/4=28</think><answer>(14*8)/4</answer>"
)
widgets.painted(
    search,
    *said_of(judge, P, search),
    "Underlined blue: good; orange: dead. Below, and as the shade: the judge, percent.",
)

# %% [markdown]
# One painted answer proves nothing. On problems that the judge has not seen: how often does it prefer a good step to a bad one (AUC; a coin has 0.5), by the place of the step? And does "30 %" mean 30 %?

# %%
runs = experiments.recorded("rerank", "base")
held = [r.summary["measured"]["judges"] for r in runs]
three = json.loads((prm.weights_of().parent / "report.json").read_text())["exact"]
print("AUC against the exact label; four numbers: mean of seeds; three: its own report")
print(f"{'place of the step':18}{'share good':>11}{'exact':>8}", end="")
print(f"{'rollouts':>10}{'three':>8}")
for place in ("all", "first", "second", "third or later", "answer") if held else ():
    rows = {name: [h[name][place] for h in held] for name in ("exact", "rollouts")}
    base = fmean(row["base_rate"] for row in rows["exact"])
    aucs = [fmean(row["auc"] for row in rows[name]) for name in rows]
    aucs += [three[key]["auc"] for key in [f"3 numbers, {place}"] if key in three]
    print(f"{place:18}{base:11.2f}{aucs[0]:8.2f}{aucs[1]:10.2f}", end="")
    print("".join(f"{auc:8.2f}" for auc in aucs[2:]))
if not held:
    print("not recorded yet: python -m r1lab record rerank")

# %%
figure, axis = plots.canvas(width=4.6)
axis.plot([0, 1], [0, 1], color=plots.GREY, linestyle="--")
for h in held:
    bins = [b for b in h["exact"]["all"]["calibration"] if b]
    axis.plot([b[0] for b in bins], [b[1] for b in bins], "o-", color=plots.BLUE, ms=4)
axis.set(xlabel="the judge says", ylabel="share that is good", xlim=(0, 1), ylim=(0, 1))
axis.set_title("Where the judge is sure, it is too sure")
plots.show(figure, "A line a seed: steps of the base's answers, four numbers.")

# %% [markdown]
# Where the judge says 30 %, about a third are good; where it is sure, it is too sure. And it knows little. Of a good and a dead *first* sum it prefers the good one in 58 of 100 pairs, and a coin would in 50; further down it is right in 68 and 80. With three numbers less can happen, and all is easier: 67, 76, 87. Before the first sum much can still happen, and that is where a search would need the judge most. (The line "all" is flattering: that a late step is dead more often than a first one counts there, too.) And this judge was trained on *perfect* labels.

# %% [markdown]
# ### Labels without people
#
# Where a label cannot be worked out, one lets a model continue from behind the step, several times, and counts how often the end is right. Such *rollouts* label the step. But what do they measure? The next exercise takes steps that are certainly dead: first sums behind which the target is out of reach.
#
# ### Exercise 07.3 · experiment · 6 min · difficulty 3 of 5
# `continued(dead)` lets the base go on behind each dead sum, written as in a search, and gives the percentage that ends right. What is it? Think first: by the exact label it is 0.

# %%
from r1lab import games

posed = tasks.problems("countdown", 64, 7, "train", 3)
dead = []
for problem in posed:
    for state in games.moves(games.start(problem)):
        if not steps.reachable([v for v, _ in state.values], problem.target):
            dead.append((problem, state.text + "; "))
            break


def continued(dead):
    """Percent right of two continuations behind each (problem, text)."""
    how = evaluate.Sampling("tiny", 256, 7, 2)
    problems, begun = [p for p, _ in dead], [text for _, text in dead]
    found = evaluate.answer(model, tokenizer, problems, how, begun)
    return 100 * found.correct.mean()


percent = ...  # right behind a dead sum

# %%
checks.check("07.3", percent)

# %% [markdown]
# <details><summary>Solution 07.3</summary>
#
# ```python
# percent = continued(dead)
# ```
#
# About 80. The base tries the dead sum's ends, rejects them and goes back. Rollouts do not ask whether the *step* was good; they ask whether this *policy* will be right in the end. For a policy that can go back nearly every step is good, and a judge trained on such labels learns little about steps.
#
# </details>

# %% [markdown]
# ## 4. Choosing among finished answers
#
# The good word of the report can be tested without training. The base gives 32 answers to each of 64 problems of four numbers; one in twenty is right. Who chooses the best of n? A free check is the ceiling, a random one the floor, and between them the judges: of steps, by the product of what it says, by the worst, by the last step; and one of outcomes, which looks at the end alone.

# %%
figure, axis = plots.canvas(width=6.4, height=3.8)
if runs:
    prm_and_mcts.curves(axis, runs)
    axis.legend(fontsize=8, ncols=2)
axis.set_title("Judges choose better than chance, a check far better")
plots.show(
    figure, f"Mean of {len(runs)} seeds, 64 held-out problems with 32 answers each."
)
for way in prm_and_mcts.WAYS:
    at = [100 * fmean(r.summary["measured"]["chosen"][way]["16"]) for r in runs]
    if at:
        print(f"best of 16, {way:17} " + ", ".join(f"{v:5.1f}" for v in at))

# %% [markdown]
# The good word holds. By its last step the judge picks a right answer from sixteen in 16 % of the problems, where one answer alone is right in 5; a free check finds one in 47. But the judge of outcomes, which never saw a label of a step, does the same with 15 %. And look at the product and the minimum, the usual ways to put steps together: half of that. They punish every detour, and on four numbers many right answers went wrong first. A judge of steps has a hidden demand: that the answer walks straight. (What would this show if the judge had learned nothing? All lines but the grey one would lie on chance. Votes among answers stand in lesson 01.)

# %% [markdown]
# ## 5. Paid for steps
#
# Now the judge pays. What the steps of an answer earn together can be put in three ways, for probabilities $p_1 \dots p_T$:
#
# $$\text{sum} = \sum_t p_t \qquad \text{min} = \min_t p_t \qquad \text{difference} = \sum_t (p_t - p_{t-1}) = p_T - p_0$$
#
# By hand, for a guess with 0.6, 0.7, 0.9 and a search with 0.1, 0.1, 0.6, 0.9, 0.9: the sum is 2.2 against 2.6, the minimum 0.6 against 0.1, the difference is 0.9 for both, with $p_0 = 0$ (it is one number for a whole group, so we leave it out). In the last form all but the end cancels: paying for progress, added up, *is* paying for the outcome, as the judge sees it. With exact labels it is the outcome reward itself.
#
# So the three forms want different things. As in lesson 04 we ask the base's own answers what each would pay, before anything is trained.


# %%
def kinds(problems):
    """Completions of the base: a guess, a search, a search that goes on."""
    how = evaluate.Sampling("tiny", 256, 5)
    found = evaluate.answer(model, tokenizer, problems, how)
    searches = competence.begun(model, tokenizer, problems, how)["in order"].texts
    endless = []
    for text in searches:
        last = text.split("</think>")[0].split(" ")[-1]
        endless.append(text.split("</think>")[0] + f", {last}" * 20)
    guesses = [
        (p, t) for p, t in zip(problems, found.texts, strict=True) if "; " not in t
    ]
    pairs = {"search": searches, "search, then the same sum 20 times": endless}
    return {"guess": guesses} | {
        name: list(zip(problems, texts, strict=True)) for name, texts in pairs.items()
    }


some = tasks.problems("countdown", 16 if FAST else 64, 5, "train", 3)
behaviours = kinds(some)

# %%
print(f"{'':36}{'right':>6}{'sum':>7}{'min':>6}{'diff.':>7}{'exact sum':>11}")
for name, pairs in behaviours.items():
    rows = [said_of(judge, *pair) for pair in pairs]
    rows = [(read, said) for read, said in rows if read]
    earned = [fmean(prm.paid(form, said) for _, said in rows) for form in prm.FORMS]
    exact = fmean(sum(step.good for step in read) for read, _ in rows)
    right = 100 * fmean(evaluate.verify(p, text).correct for p, text in pairs)
    print(f"{name:36}{right:5.0f} %{earned[0]:7.2f}{earned[1]:6.2f}"
          f"{earned[2]:7.2f}{exact:11.2f}")  # fmt: skip

# %% [markdown]
# The forecast: the minimum pays a search that finds no more than a guess, so nothing pulls it to search. The difference follows the outcome. The sum pays best for going on, right or not, and *so does the sum of exact labels*: one good step said twenty times is twenty good steps. The exact judge is the control that decides: if it fails as well, it is not for lack of learning.
#
# ### Exercise 07.2 · predict · 2 min · difficulty 2 of 5
# GRPO on three numbers, 60 steps, paid for the sum of *exact* step labels and 0.1 for the form. The base is right in 13 %, the rule on outcomes ends at 77. Where does this end, percent right?

# %%
my_guess = ...  # percent

# %%
checks.check("07.2", my_guess)

# %% [markdown]
# <details><summary>Solution 07.2</summary>
#
# ```python
# my_guess = 30
# ```
#
# There is no right guess. The figure below has it as a mark.
#
# </details>

# %%
ARMS = {
    "judge/rule": ("the outcome", "black"),
    "process/difference": ("difference, learned", plots.GREEN),
    "process/min": ("worst step, learned", plots.GREY),
    "process/exact-min": ("worst step, exact", "#CC79A7"),
    "process/sum": ("sum, learned", plots.BLUE),
    "process/exact-sum": ("sum, exact", plots.ORANGE),
}
trained = {arm: experiments.recorded(*arm.split("/")) for arm in ARMS}
figure, axes = plots.canvas(2)
for arm, (name, colour) in ARMS.items():
    for i, run in enumerate(trained[arm]):
        lines = [m for m in run.metrics if "reward" in m]
        label = name if i == 0 else None
        curve = plots.smooth([100 * m["accuracy"] for m in lines])[0]
        axes[0].plot(curve, color=colour, lw=1, label=label)
        paid = [m.get("reward_process") for m in lines]
        if "sum" in arm:
            axes[1].plot(plots.smooth(paid)[0], color=colour, lw=1, label=label)
axes[0].set(
    title="The sum helps, then ruins", xlabel="step", ylabel="right, %", ylim=(0, 102)
)
axes[1].set(
    title="What the sum pays goes on rising", xlabel="step", ylabel="an answer's steps"
)
plots.mark_guess(axes[0], 59, checks.guess("07.2"))
for axis in axes:
    if axis.lines:
        axis.legend(fontsize=7)
plots.show(figure, "A line a seed, mean of five steps, 64 answers each.")

# %%
print(f"{'paid for':22}{'right, a seed each':28}{'steps':>7}{'good':>6}{'new':>6}")
for arm, (name, _) in ARMS.items():
    ends = [run.summary["after"] for run in trained[arm]]
    if not ends:
        print(f"{name:22}not recorded yet")
        continue
    right = " ".join(f"{100 * end['accuracy']:.0f}" for end in ends)
    rows = [[end[k] or 0 for k in ("steps", "good_steps", "new_steps")]
            for end in ends if "steps" in end]  # fmt: skip
    shown = "".join(f"{v:7.2f}" for v in np.mean(rows, 0)) if rows else ""
    print(f"{name:22}{right:28}{shown}")

# %% [markdown]
# *The sum* looks like a success at first: at step 22 some 60 % are right (with the outcome 56 % in the same seeds). Then it finds that it may go on, and ends at nothing right at all, in every run. The answers fill up with steps, some 33 of them, two thirds said before, and nearly all are cut at the cap, while the pay still rises. Exact labels do the same as learned ones. So a better judge would not have helped: what is hacked is the sum.

# %% [markdown]
# *The minimum* of exact labels teaches nothing: an answer with one wrong turn earns what a wrong answer earns. (Our forecast was at most 10 % second tries in each seed; one has 16.) The learned minimum ends at zero in another way: an answer without a thought has one step, and of that the judge says more than of the worst step of any honest answer. That is the report's cheating.
#
# *The difference*, which is the end as the judge sees it, is the best of the three, and never above the outcome itself; its seeds lie far apart.

# %% [markdown]
# ### The hack in completions
#
# What models write in the end that are paid by the sum, and by the learned minimum; the shade is the judge:

# %%
for arm in ("process/sum", "process/exact-sum", "process/min"):
    groups = [g for run in trained[arm][:1] for g in run.samples if g["step"] > 50]
    if groups:
        group = groups[-1]
        problem = Problem(group["task"], tuple(group["numbers"]), group["target"])
        text = group["completions"][0]
        read, said = said_of(judge, problem, text)
        caption = f"{arm}: {tasks.short(problem)}; {len(read)} steps"
        widgets.painted(text[:900], read[:40], said[:40], caption)
    else:
        print(f"{arm}: not recorded yet")

# %% [markdown]
# ### Exercise 07.4 · code · 15 min · difficulty 4 of 5
# Find such a hole by hand. Write a completion for any problem (at most 600 characters) whose steps the judge likes much more than they deserve: its mean probability must be 40 points above the share of good steps, over 24 problems. Try things out with `said_of(judge, problem, text)`. What does a step look like that always led to the target in what the judge has read?


# %%
def my_completion(problem):
    """problem: with .numbers (three) and .target; returns: the text of a completion."""
    ...  # your code


# %%
checks.check("07.4", my_completion)

# %% [markdown]
# <details><summary>Solution 07.4</summary>
#
# ```python
# def my_completion(problem):
#     a, b, _ = problem.numbers
#     goal = problem.target
#     return "<think>" + f"{a}+{b}={goal} vs {goal} yes. Then " * 6
# ```
#
# The base's sums are nearly always true, so the judge never had to check one. It has learned what stands around good steps: a result that is the target, a yes, a repetition behind "Then". A text that is *made* to be liked has all of that. Every judge that learned from the texts of an honest writer has this hole.
#
# </details>

# %% [markdown]
# ## 6. Credit, and the value of a detour
#
# So far the steps of an answer earned one number together. A judge could also say *where* in the answer something was gained: the wrong turn gets -1, the way back +1. Kimi's report leaves such value-based credit out on purpose (k1.5, 2.3.2): it would punish a wrong turn that is later put right, and such turns teach.
#
# Exact values make the sharpest case. A state is worth 1 where the target can still be reached, else 0; each token gets the change that its step made. By hand, for `14+8=22; 22+4=26 no; 14*8=112, 112/4=28` and the answer: -1, 0, +1, 0, 0. They add up to the outcome minus 1, whatever happens on the way. *Predict: will such a model still search?*

# %%
values = experiments.recorded("process", "values")
for name, found in (("group's mean", trained["judge/rule"]), ("exact values", values)):
    for key, scale, unit in (("accuracy", 100, "% right"), ("tries", 1, "tries")):
        shown = [scale * r.summary["after"][key] for r in found]
        print(f"{name:13} {unit:8} " + ", ".join(f"{v:.1f}" for v in shown))
if not values:
    print("not recorded yet: python -m r1lab record process --arm values")

# %% [markdown]
# It still searches, in all seeds; in one it gives up a third fewer tries. Whether Kimi's fear holds stays open. But it is right far less often, and the seeds end in three places, so the verdict says inconclusive. Look at the numbers by hand again. A wrong turn earns -1, the way back +1, and *arriving* 0, for the last good steps change nothing. So behind a dead sum the model learns to go back, which is paid each time, and nothing pulls it to the end. These are the values of a player who cannot go back; along a text one can, and what one wins by going astray and coming back is a circle. A critic learns the values of *this policy* instead; whether that is better than the group's mean is G-06 in lesson 02.

# %% [markdown]
# ## 7. A tree
#
# MCTS keeps a tree of states. A *simulation* goes down from the root to a state that was not asked yet, asks the value what it is worth, and adds that to all states above. On its way down it takes the child with the largest
#
# $$\underbrace{Q}_{\text{mean value so far}} + \; c \cdot \underbrace{p}_{\text{prior}} \cdot \frac{\sqrt{\text{visits of the parent}}}{1 + \text{visits of the child}}$$
#
# By hand, with $c = 1$ and 9 visits of the parent: a child with mean 0.5, prior 0.2 and two visits promises 0.5 + 0.2 · 3 / 3 = 0.7. One that was never visited, with prior 0.5, counts as worth what its parent is, 0.4, and promises 0.4 + 0.5 · 3 / 1 = 1.9. It goes next.
#
# Grow one. Then change the value to *exact*, to *one half everywhere*, and $c$ from 0 to 3: what finds soonest, what looks everywhere first?

# %%
from r1lab.widgets import searchtree

widgets.search_tree(searchtree.gather(prm.load("outcome"), P))

# %% [markdown]
# What is a move? In the tree above it is a sum, and the game is over after two. A language model's own moves are tokens, some fifty in a row. On four numbers we let both search with the same base and the same value, 64 simulations each. Beside them: the same base answering one time after another, a depth-first search in random order that asks nobody, and a tree that knows nothing.

# %%
trees = experiments.recorded("tree", "base")
figure, axis = plots.canvas(width=6.4, height=3.8)
if trees:
    tree_search.tree_curves(axis, trees)
    axis.legend(fontsize=8)
axis.set_title("Plain answers with a check beat both trees")
plots.show(figure, f"Mean of {len(trees)} seeds, 48 held-out problems of four numbers.")
for way in tree_search.SEARCHES if trees else ():
    shares = [fmean(tree_search.solved(r, way, 64)) for r in trees]
    spent = fmean(fmean(r.summary["measured"]["found"][way]["tokens"]) for r in trees)
    print(f"{way:12} solved in 64: " + ", ".join(f"{s:.0f} %" for s in shares),
          f"  tokens read a problem: {spent:.0f}")  # fmt: skip

# %% [markdown]
# As the report says: over sums 29 % are solved, over tokens none (and 6 % within 256 simulations). Nothing is drawn in these trees, so the seeds agree; the interval is one of problems. A judge with exact labels lifts the sums to 48 %.

# %% [markdown]
# Be suspicious of this comparison. A token is a smaller thing than a sum, so equal simulations favour the sums; the tokens that were read stand beside them for that reason. And the controls say what the tree is worth. For as many tokens a problem as the tree over sums reads at most (1,555), the base, answering one time after another, has solved 52 to 65 % with a free check (62 to 79 in 64 answers). A search in random order that asks nobody has 56 to 60 % after 64 states. *Both trees lose to the controls.* A tree that knows nothing looks at everything before it goes deep: 1 %. In mathematics nobody can list the moves, and there is no free check at the leaves.

# %% [markdown]
# ### Exercise 07.5 · code · 15 min · difficulty 4 of 5
# The value is what the tree lives on. Behind the first sum of four numbers, three are left. Write how good that looks, with at most 12 sums, products, differences or divisions (the numbers count them; no `int()`, no `Fraction`): the learned judge must be beaten by 5 points of AUC on 300 states. Working out all ways would take over a hundred.


# %%
def my_value(left, target):
    """left: three whole numbers; target: the goal; returns: the more, the better."""
    ...  # your code


# %%
checks.check("07.5", my_value)

# %% [markdown]
# <details><summary>Solution 07.5</summary>
#
# ```python
# def my_value(left, target):
#     a, b, c = sorted(left, reverse=True)
#     product = a * b
#     tried = [product + c, product - c, b * c + a, a * c + b, a + b + c]
#     if target in tried:
#         return 1
#     return -min(abs(t - target) for t in (tried[0], tried[2], tried[4]))
# ```
#
# Some of the ways, and how near the others come. Twelve operations know more about these states than a network that has read some 40,000 labelled steps. Where one understands the game, one writes the value; a language has no such game.
#
# </details>

# %% [markdown]
# ## 8. Rounds
#
# AlphaZero's engine is a circle: the tree finds better moves than the policy, the policy learns them, the next tree is better. Four rounds on three numbers: 120 problems, eight simulations each with the model's own priors, and imitation of what was found. That is as many simulations as the rule's 60 steps have answers.

# %%
rounds = experiments.recorded("rounds", "search")
figure, axis = plots.canvas(width=5.6)
tree_search.round_curves(axis, rounds)
ends = [100 * r.summary["after"]["accuracy"] for r in trained["judge/rule"]]
axis.axhline(fmean(ends), color="black", linestyle="--", label="GRPO, same budget")
axis.set_title("The tree gets better, one sample does not")
axis.legend(fontsize=8, loc="upper right", bbox_to_anchor=(1, 0.73))
plots.show(figure, "A line a seed; 512 held-out problems, the tree on 128 of them.")
for run in rounds:
    tree, eight = (tree_search.shares(run, key) for key in ("tree", "eight"))
    first, last = (run.summary[when]["tries"] for when in ("before", "after"))
    print(
        f"seed {run.config['seed']}: tree {tree[0]:.0f} -> {tree[-1]:.0f} %, ", end=""
    )
    print(f"eight samples and a check {eight[0]:.0f} -> {eight[-1]:.0f} %, ", end="")
    print(f"tries of a sample {first:.1f} -> {last:.1f}")

# %% [markdown]
# In AlphaZero the *value* learns from the trees as well. Here the priors were the model's and the value stayed. The other half of the circle: all sums alike likely, and a value that says one half of everything at first. Each round grows 96 trees with the last value and teaches the next one what was won in them. No label is worked out, no answer is read.

# %%
from r1lab.experiments import own_value

own = experiments.recorded("value", "own")
figure, axis = plots.canvas(width=5.6)
own_value.curves(axis, own)
axis.set_title("A value learns from its own trees, for two rounds")
if axis.lines:
    axis.legend(fontsize=8)
plots.show(figure, "A line a seed; 128 held-out problems of three numbers.")
for run in own:
    found = run.summary["measured"]["rounds"]
    solved = " ".join(f"{fmean(own_value.soon(one)):.0f}" for one in found)
    aucs = " ".join(f"{one['auc']:.2f}" for one in found)
    print(f"seed {run.config['seed']}: solved {solved} %; AUC of a first sum {aucs}")

# %% [markdown]
# The value's half of the circle moves, and then stops: from 2 % to 29 after two rounds and 31 after four. That is about what a value taught by the base's own answers has (34 %), and no answer was read for it. The policy's half hardly moves. The first tree solves 28 %, twice as much as one sample (13 %); after a round 36 to 39, later 39 to 43. But one sample falls a little. Note what is learned: the tree hands over finished guesses, so the model unlearns its few second tries (2 to 1 an answer) and guesses no better. Even what eight samples and a check find falls, from 68 to 38 %. GRPO, which is paid for the end alone, learns to *search*, in the text: 77 % in one sample. Where a model can think, its tree may be inside the completion.

# %% [markdown]
# ## 9. On your GPU
#
# Exact labels need no judge, so the sum's hack can be tried on a real model. Sums in prose are read where they stand, `3 + 5 = 8`.

# %%
import torch

from r1lab import records

if torch.cuda.is_available():
    folder = records.place("lesson-07")
    widgets.training_dashboard(folder, "process", "exact-sum", preset="gpu24")
else:
    print("no card here: python -m r1lab run process --arm exact-sum --preset gpu24")

# %% [markdown]
# We have not run it. Expect sums repeated in prose; expect it sooner, the longer the cap is. The learned judge reads our base's states, so it cannot pay a larger model.
#
# ## 10. Verdicts
#
# Computed from the recorded runs when this cell runs; the criteria were written before, but for S-01, which was settled after.

# %%
from r1lab.claims import scoreboard

mine = {"F-01", "F-02", "F-03", "F-04", "K-06", "S-01"}
print(scoreboard.text([row for row in scoreboard.every() if row["id"] in mine]))

# %% [markdown]
# Read together. Paying for steps failed here as the report says, for two reasons. Sum and minimum fail with perfect labels as well: the form is at fault. That the learned minimum ends at nothing, and the difference far apart, is the judge's fault. A judge of steps does help to choose, as much as one of outcomes. Trees over tokens find nothing, trees over sums something, plain answers with a check the most. Where seeds lie far apart the verdict is inconclusive; three are too few there.
#
# What our world cannot show: steps are easy to define here and exact labels are free, so nothing here refutes the report's first two limits; and our trees are so small that they say little about those over language.

# %% [markdown]
# ## The sentence that stays
#
# **Pay for the steps and you get steps; pay for the end and the model finds its own way there, detours and all.**

# %% [markdown]
# ## What you can now do
#
# Answer without looking, then open.
#
# <details><summary>1. What are the three limits of a PRM in the report, and which of them does our world not have?</summary>
#
# Steps are hard to define, hard to label, and the judge gets cheated. The first two are absent here.
#
# </details>
# <details><summary>2. Why does a sum of exact labels get hacked as well?</summary>
#
# A good step can be said again. The sum pays for the number of good steps and not for the end.
#
# </details>
# <details><summary>3. What is the difference form, added up?</summary>
#
# The last value minus the first: the outcome.
#
# </details>
# <details><summary>4. What do labels from rollouts measure?</summary>
#
# Whether this policy will end right from here. A policy that goes back makes good labels for dead steps.
#
# </details>
# <details><summary>5. What does a tree over sums have that a tree over tokens lacks?</summary>
#
# Few moves and few turns, so that some simulations reach an end.
#
# </details>

# %% [markdown]
# ## What this leaves out
#
# * Step rewards token by token (DeepSeekMath's process supervision): our three forms pay one number an answer, in TRL's contract.
# * A judge that is trained again while the policy moves, the report's third cost, and PRIME's way around it.
# * Playouts, larger trees, policy and value learned in one circle.

# %% [markdown]
# ## References
#
# * DeepSeek-R1, [arXiv 2501.12948](https://arxiv.org/abs/2501.12948), section 4.2. Kimi k1.5, [arXiv 2501.12599](https://arxiv.org/abs/2501.12599), section 2.3.2.
# * Cheng and others, Stop Summation (PURE), [arXiv 2504.15275](https://arxiv.org/abs/2504.15275).
# * Cui and others, Process Reinforcement through Implicit Rewards (PRIME), [arXiv 2502.01456](https://arxiv.org/abs/2502.01456).
# * Setlur and others, Rewarding Progress, [arXiv 2410.08146](https://arxiv.org/abs/2410.08146).
# * Guan and others, rStar-Math, [arXiv 2501.04519](https://arxiv.org/abs/2501.04519).
