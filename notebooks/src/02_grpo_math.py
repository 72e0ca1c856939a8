# %% [markdown]
# # 02 · The mathematics of GRPO
# [Open in Colab](@COLAB@) · Paper: [DeepSeek-R1](https://arxiv.org/abs/2501.12948), section 2.2.1 · Podcast from minute 48:13
#
# **Question.** How can a model learn from nothing but "right" or "wrong", and what exactly does GRPO compute?
#
# **You will be able to** 1. turn rewards into advantages (exercises 02.1, 02.2), 2. say when the clip acts and when it cannot (02.3), 3. name the KL that a k3 term really pulls towards (02.4, 02.5), 4. say what GRPO, Dr. GRPO and DAPO do differently to one token, and build a divisor of your own (02.6 to 02.8), 5. write the training loop from memory (02.9).
#
# **Before this** PyTorch; no reinforcement learning needed.
#
# **Time** 75 min reading and doing; running: @MINUTES@.
#
# **Needs** no GPU, no download.

# %% tags=["setup"]
# @SETUP@

# %%
import itertools
import math

import torch

from r1lab import checks, drawings, evaluate, losses, models, plots, rewards, tasks
from r1lab.machine import colab, environment, presets

colab.install("trl")  # for section 9; does nothing on other machines
print(presets.pick("cpu").name, "preset", "(fast mode)" if environment.fast() else "")

# %% [markdown]
# ## 1. A language of three letters
#
# A real model has so many possible answers that nobody can list them. So nobody can say whether an estimate is right. We start with a language where we can list everything.
#
# It has three letters: `t` (think), `y` (yes), `n` (no). An answer ends at the first `y` or `n`, or after two letters. That leaves five completions: `y`, `n`, `ty`, `tn` and `tt`. The last one thought for too long and never answered.

# %% [markdown]
# There are two questions. "Is 7 prime?" has the answer yes. "Is 91 prime?" is a trap: 91 is 7 times 13, so the answer is no, but most people say yes at once. The reward is 1 if the completion ends in the right letter and 0 if not.
#
# The *policy*, the chances by which the next letter is chosen, is one table: for each question, at the first letter and after `t`, three logits. That is 2 x 2 x 3 = 12 numbers. Everything below would be the same with a language model in their place.

# %%
LETTERS, ANSWERS = "tyn", ["y", "n", "ty", "tn", "tt"]
QUESTIONS, TRUTH = ["Is 7 prime?", "Is 91 prime?"], "yn"
IDS = torch.tensor([[LETTERS.index(c) for c in (a + "t")[:2]] for a in ANSWERS])
LENGTH = torch.tensor([len(a) for a in ANSWERS])
MASK = torch.arange(2) < LENGTH[:, None]  # (5, 2): y and n have one token
REWARD = torch.tensor([[a[-1] == truth for a in ANSWERS] for truth in TRUTH]).double()
SEVEN = [[0.2, 0.7, 0.1], [0.1, 0.8, 0.1]]  # t y n at the first letter; after t
NINETY_ONE = [[0.2, 0.7, 0.1], [0.2, 0.2, 0.6]]  # says yes at once; thinks, says no
START = torch.tensor([SEVEN, NINETY_ONE], dtype=torch.float64).log()


# %%
def token_logps(theta):
    """(2 questions, 5 completions, 2 tokens): log pi(token | what stands before it)."""
    return theta.log_softmax(-1)[:, torch.arange(2), IDS]


def logps(theta):
    """(2, 5): log-probability of each whole completion."""
    return (token_logps(theta) * MASK).sum(-1)


p = logps(START).exp()
for question, row, reward in zip(QUESTIONS, p, REWARD, strict=True):
    listed = "  ".join(f"{a} {x:.2f}" for a, x in zip(ANSWERS, row, strict=True))
    print(f"{question:13} {listed}   sum {row.sum():.2f}, right {row @ reward:.2f}")

# %%
figure, axes = plots.canvas(2, height=3.4, width=4.8)
titles = "On 7, yes at once is mostly right", "On 91, thinking first pays"
for axis, row, reward, title in zip(axes, p.tolist(), REWARD, titles, strict=True):
    right = {a for a, r in zip(ANSWERS, reward, strict=True) if r}
    drawings.tree(axis, dict(zip(ANSWERS, row, strict=True)), right)
    axis.set_title(title)
plots.show(figure, "Exact. A branch is as wide as it is likely; blue earns the reward.")

# %% [markdown]
# Check one number by hand. On 91 the right answers are `n`, with 0.1, and `tn`, with 0.2 x 0.6 = 0.12. Together 0.22, as printed.
#
# After `t` the answer on 91 is no in 6 of 10 cases, without it in 1 of 8. This is a drawing of the whole R1 story. Will training find out?
#
# ## 2. What we want to raise, and its slope
#
# The goal has the name $J$: the probability of a right answer, averaged over questions. With five completions it is a sum, and PyTorch gives its exact gradient.


# %%
def J(theta):
    """The exact expected reward."""
    return (logps(theta).exp() * REWARD).sum(1).mean()


def gradient(function, theta):
    theta = theta.clone().requires_grad_()
    return torch.autograd.grad(function(theta), theta)[0]


EXACT = gradient(J, START)
print(f"J = {J(START):.2f}; its slope on 91, first letter:")
for letter, slope in zip(LETTERS, EXACT[1, 0].tolist(), strict=True):
    print(f"  {letter} {slope:+.4f}")

# %% [markdown]
# By hand: raising one logit raises that letter and lowers the others. The slope is $\pi(\text{letter}) \cdot (\text{success after that letter} - \text{success overall})$, and half of that because we average two questions. For `t`: 0.2 x (0.6 - 0.22) / 2 = 0.038. For `n`: 0.1 x (1 - 0.22) / 2 = 0.039. Both agree with the print.
#
# So on 91 two roads lead up, and they are almost equally steep: say no at once, or think first. Keep this in mind for part 7.
#
# With a language model we cannot sum over all completions. The way out is one line of algebra, $\nabla \pi = \pi \, \nabla \log \pi$, which turns the slope of a sum into an average over samples:
#
# $$\nabla J = \mathbb{E}_{o \sim \pi}\big[\, r(o)\, \nabla \log \pi(o) \,\big]$$
#
# Sample completions, weigh each one's $\nabla \log \pi$ by its reward, take the mean. This is the *score-function estimate*, in reinforcement learning known as REINFORCE. *Predict: with 100 times more samples, how much smaller is its error?*

# %%
SCORE = torch.autograd.functional.jacobian(logps, START).flatten(2)  # (2, 5, 12)


def draw(theta, batches, size, seed):
    """Indices of sampled completions: (batches, 2 questions, size)."""
    g, p = torch.Generator().manual_seed(seed), logps(theta).exp()
    drawn = [torch.multinomial(q, batches * size, True, generator=g) for q in p]
    return torch.stack([d.view(batches, size) for d in drawn], 1)


def pick(table, picks):
    """table (2, 5, ...) at the sampled completions (batches, 2, size)."""
    return torch.stack([table[q][picks[:, q]] for q in range(2)], 1)


for size in (4, 400):
    picks = draw(START, 1000, size, seed=0)
    estimate = (pick(REWARD, picks)[..., None] * pick(SCORE, picks)).mean((1, 2))
    error = (estimate - EXACT.flatten()).norm(dim=1).mean()
    print(f"{size:3} samples a question: mean error {error:.4f}")
print(f"length of the exact slope: {EXACT.norm():.4f}")

# %% [markdown]
# Ten times smaller: the error falls with the square root of the number of samples. With 4 samples a question the error is larger than the thing we want to know. Samples are what training costs, so noise is the enemy.
#
# ## 3. A baseline takes noise away
#
# Subtract a number $b$, the *baseline*, from every reward. The estimate stays right on average, because $\mathbb{E}[\nabla \log \pi] = 0$: probabilities always sum to one, so the slope of their sum is zero. The noise changes, and we may choose $b$.
#
# PPO trains a second network to predict $b$, the *critic*. R1 says it is typically as large as the policy, and leaves it out. GRPO asks the model the same question $G$ times and takes the mean reward of this *group*.

# %% [markdown]
# We measure three choices. A mean that contains a completion's own reward makes the slope a little too small, by $(N-1)/N$; we undo that, so that all three are right on average. The second setting pays 11 for right and 10 for wrong on the first question, as a friendlier judge might. *Predict: which baseline has the least noise in each setting?*

# %%
GROUP, BATCHES = 8, 500 if environment.fast() else 4000


def noise(bonus, seed=1):
    """Name -> squared distance from the exact slope: mean, half a 95 % interval."""
    picks = draw(START, BATCHES, GROUP, seed)
    r = pick(REWARD, picks) + torch.tensor([bonus, 0.0]).view(2, 1)
    N = 2 * GROUP
    choices = {
        "none": (0 * r, 1),
        "batch mean": (r.mean((1, 2), keepdim=True), N / (N - 1)),
        "group mean": (r.mean(2, keepdim=True), GROUP / (GROUP - 1)),
    }
    found = {}
    for name, (b, factor) in choices.items():
        estimate = factor * ((r - b)[..., None] * pick(SCORE, picks)).mean((1, 2))
        d = (estimate - EXACT.flatten()).square().sum(1)
        found[name] = d.mean().item(), 1.96 * d.std().item() / len(d) ** 0.5
    return found


# %%
figure, axes = plots.canvas(2)
titles = "Right pays 1: any mean helps", "Ten more for one question: only groups cope"
colours = [plots.GREY, plots.ORANGE, plots.BLUE]
for axis, bonus, title in zip(axes, (0, 10), titles, strict=True):
    found = noise(bonus)
    for x, (name, (mean, half)) in enumerate(found.items()):
        print(f"bonus {bonus:2}  {name:10} {mean:.4f} +- {half:.4f}")
        axis.bar(x, mean, color=colours[x], width=0.6)
        axis.errorbar(x, mean, half, color="black", capsize=5)
    axis.set_xticks(range(3), list(found))
    axis.set(title=title, xlabel="baseline", ylabel="squared error of the slope")
axes[1].set_yscale("log")
plots.show(figure, f"n = {BATCHES} batches of 2 x {GROUP} samples; 95 % interval.")
weight = p * SCORE.square().sum(-1)
best = ((weight * REWARD).sum(1) / weight.sum(1)).tolist()
print("least noisy constant:", [round(b, 2) for b in best])

# %% [markdown]
# In the first setting the group mean removes about a third of the noise, and the mean of the whole batch removes even more. Eight samples give a shaky mean, and by luck the best constant for both questions is near one half (last line of the print), which is also the mean of the batch. Dividing by the standard deviation comes later; this is the mean alone.
#
# In the second setting only the group mean does not notice the bonus. That is its real merit. Questions differ in how well they go, and a group compares an answer with nothing but other answers to the same question.

# %% [markdown]
# ## 4. Equation 1, and its advantage by hand
#
# This is what R1 maximises. The rest of the lesson takes it apart, term by term.
#
# $$\mathcal{J}(\theta) = \underbrace{\mathbb{E}_{\,q,\ o_1 \ldots o_G \sim \pi_{\text{old}}(\cdot|q)}}_{\text{ask, sample a group}} \; \underbrace{\frac{1}{G} \sum_{i=1}^{G}}_{\text{average it}} \Big( \min\big( \underbrace{\rho_i}_{\substack{\text{likelier than} \\ \text{when sampled?}}} \underbrace{A_i}_{\substack{\text{better than} \\ \text{its group?}}}, \; \underbrace{\text{clip}(\rho_i, 1-\varepsilon, 1+\varepsilon)}_{\text{brake}} A_i \big) - \underbrace{\beta}_{\text{how short}} \underbrace{\mathbb{D}_{\text{KL}}(\pi_\theta \| \pi_{\text{ref}})}_{\text{the leash}} \Big)$$
#
# with the *ratio* $\rho_i = \pi_\theta(o_i|q) \, / \, \pi_{\text{old}}(o_i|q)$, which the paper writes out in both places. Parts 2 and 3 explain the beginning: ask, sample, average. First the *advantage*, its Equation 3:
#
# $$\underbrace{A_i}_{\substack{\text{better than} \\ \text{its group?}}} = \frac{\overbrace{r_i}^{\text{reward}} - \overbrace{\text{mean}(r_1, \ldots, r_G)}^{\text{baseline}}}{\underbrace{\text{std}(r_1, \ldots, r_G)}_{\text{spread of the group}}}$$

# %% [markdown]
# Take $G = 16$, R1's group size, with one right answer. The mean is 1/16. With $n$ in the standard deviation, the winner gets $\sqrt{15} \approx 3.87$. With $n-1$, which is what `torch.std` computes, it gets 3.75. The paper does not say which; TRL uses $n-1$, and so do we. For a learning rate found by trial the difference hardly matters. For comparing two programs to six digits it does.

# %%
one_of_16 = torch.tensor([1.0] + [0.0] * 15)
for correction, name in ((0, "n"), (1, "n-1")):
    a = (one_of_16 - one_of_16.mean()) / one_of_16.std(correction=correction)
    print(f"std with {name:3}: winner {a[0]:+.2f}, each loser {a[1]:+.2f}")

# %% [markdown]
# ### Exercise 02.1 · code · 8 min · difficulty 2 of 5
# Write Equation 3 for many groups at once. Rewards come as `(P, G)`: one row a question, one column an answer. Use the standard deviation with $n-1$, and add 1e-4 to it: a row of equal rewards must give zeros.


# %%
def my_advantages(rewards):
    """rewards: (P, G) tensor; returns: (P, G)."""
    ...  # your code


# %%
checks.check("02.1", my_advantages)

# %% [markdown]
# <details><summary>Solution 02.1</summary>
#
# ```python
# def my_advantages(rewards):
#     mean = rewards.mean(dim=1, keepdim=True)
#     std = rewards.std(dim=1, keepdim=True)
#     return (rewards - mean) / (std + 1e-4)
# ```
#
# `keepdim=True` keeps the column that the subtraction needs. Without `dim=1` the mean is taken over all questions, and an easy question makes every answer to a hard one look bad.
#
# </details>

# %% [markdown]
# A group whose answers are all right, or all wrong, has only zeros: it costs samples and teaches nothing. With success rate $p$ this happens with probability $p^G + (1-p)^G$.
#
# ### Exercise 02.2 · predict · 3 min · difficulty 1 of 5
# A model solves a kind of problem in 5 of 100 tries. It answers each problem 8 times. Out of 100 groups, how many teach nothing? Guess before you calculate. A guess is never marked: the next figure draws it beside the truth.

# %%
my_guess = ...  # percent

# %%
checks.check("02.2", my_guess)

# %% [markdown]
# <details><summary>Solution 02.2</summary>
#
# ```python
# my_guess = 100 * (0.95**8 + 0.05**8)
# ```
#
# About 66. Two thirds of the samples are spent on silence. This is one reason why training like R1-Zero's gets nowhere with a base model that is almost never right, and why DAPO replaces such problems by others.
#
# </details>

# %%
figure, axis = plots.canvas()
x = torch.linspace(0, 1, 201)
for G, colour in ((4, plots.GREEN), (8, plots.ORANGE), (16, plots.BLUE)):
    axis.plot(100 * x, 100 * (x**G + (1 - x) ** G), color=colour, label=f"G = {G}")
    print(f"G = {G:2}, p = 5 %: {100 * (0.05**G + 0.95**G):.0f} % of groups are silent")
sampled = REWARD[1][draw(START, 2000, 8, seed=2)[:, 1]]  # real groups, on 91
measured = 100 * losses.zero_variance(sampled).double().mean()
axis.plot(22, measured, "o", color="black", label="measured on 91, G = 8")
plots.mark_guess(axis, 5, checks.guess("02.2"))
axis.set(title="Hard and easy problems teach little", xlabel="success rate p, %")
axis.set_ylabel("groups without signal, %")
axis.legend(fontsize=8)
plots.show(figure, "Lines: the formula. Point: n = 2000 sampled groups of 8.")

# %% [markdown]
# So choose problems the model solves sometimes, or make groups larger.
#
# ## 5. Ratio and clip
#
# Sampling is slow, so one wants several updates from one batch. After the first update the policy is no longer the one that sampled. The correction is the ratio $\rho = \pi_\theta(o) / \pi_{\text{old}}(o)$, and GRPO takes over PPO's brake for it, the *clip*. With the advantage, Equation 1 has grown to:
#
# $$\frac{1}{G} \sum_i \min\big( \underbrace{\rho_i A_i}_{\text{advantage, corrected}}, \; \underbrace{\text{clip}(\rho_i, 1-\varepsilon, 1+\varepsilon)\, A_i}_{\text{the same, with a brake}} \big)$$
#
# There are four cases. The answer was good or bad ($A$ positive or negative), and it has become likelier or rarer since it was sampled. *Predict: in which of the four does the gradient vanish?*

# %%
print("advantage  ratio   loss   slope on log pi")
for advantage in (1.0, -1.0):
    for ratio in (1.5, 0.5):
        logp = torch.tensor([[math.log(ratio)]], requires_grad=True)
        A, one = torch.tensor([advantage]), torch.ones(1, 1)
        loss = losses.policy_loss(logp, torch.zeros(1, 1), A, one)
        loss.backward()
        slope = logp.grad.item()
        print(f"{advantage:+9.0f}  {ratio:5.1f}  {loss.item():+5.1f}   {slope:+.1f}")

# %% [markdown]
# It vanishes for a good answer that is already much likelier, and for a bad one that is already much rarer. These have gone far enough the right way. The other two went the wrong way, and the `min` keeps their full gradient. So the clip does not hold the policy near the old one. It only stops paying for going further.
#
# ### Exercise 02.3 · code · 8 min · difficulty 2 of 5
# Write the loss of one token (a loss is made small, Equation 1 is made large).


# %%
def my_clipped_loss(ratio, advantage, eps=0.2):
    """ratio, advantage: tensors of one shape; returns: the loss, of that shape."""
    ...  # your code


# %%
checks.check("02.3", my_clipped_loss)

# %% [markdown]
# <details><summary>Solution 02.3</summary>
#
# ```python
# def my_clipped_loss(ratio, advantage, eps=0.2):
#     clipped = ratio.clamp(1 - eps, 1 + eps)
#     return -torch.min(ratio * advantage, clipped * advantage)
# ```
#
# The usual slip is to clip and forget the `min`. Then a bad answer that has become likelier loses its gradient exactly when it needs it.
#
# </details>

# %% [markdown]
# When does the clip act at all? In the first update after sampling, both policies are the same. Every ratio is exactly 1, nothing is clipped, and the value of $\varepsilon$ cannot matter. GRPO is then REINFORCE with the group's mean and spread. In a run that makes one update a *rollout* (what is sampled at a time), as most runs here do, the clip is decoration.
#
# R1-Zero samples 8,192 outputs and makes 16 updates from them, each on 512 (Nature version, Methods). We do the same with our table: 16 groups a question, one after the other. For the first RL stage of R1 the authors give $\varepsilon = 10$. That means a range from -9 to 11, so no lower brake at all. Your two functions do it; where one is missing or not right yet, the course's takes its place, and the print says so. *Predict: at which update does clipping begin, and which setting moves furthest?*

# %%
advantages = checks.mine("02.1", my_advantages)
token_loss = checks.mine("02.3", my_clipped_loss)


def per_completion(each, mask):
    """GRPO's average, over a completion's tokens and then over completions."""
    return ((each * mask).sum(1) / mask.sum(1)).mean()


def sixteen_updates(eps, seed, rate=2.0):
    """Clipped share and P(right on 91) before each of 16 updates from one rollout."""
    theta, rollout = START.clone().requires_grad_(), draw(START, 16, 8, seed)
    rows, trace = torch.arange(2)[:, None], []
    for picks in rollout:  # (2, 8): a group for each question
        A = advantages(REWARD[rows, picks]).flatten()
        mask = MASK[picks].flatten(0, 1)
        now = token_logps(theta)[rows, picks].flatten(0, 1)
        old = token_logps(START)[rows, picks].flatten(0, 1)
        form = losses.Objective(clip_low=eps, clip_high=eps)
        clipped = losses.clip_fraction(now, old, A, mask, form)
        right = (logps(theta).exp() * REWARD).sum(1)[1]
        trace.append((clipped.item(), right.item()))
        ratio = (now - old).exp()
        loss = per_completion(token_loss(ratio, A[:, None], eps), mask)
        theta.data -= rate * torch.autograd.grad(loss, theta)[0]
    return trace


# %%
SEEDS = 4 if environment.fast() else 40
figure, axes = plots.canvas(2)
colours = {0.05: plots.GREEN, 0.2: plots.ORANGE, 10: plots.BLUE}
for eps, colour in colours.items():
    runs = 100 * torch.tensor([sixteen_updates(eps, s) for s in range(SEEDS)])
    mean = runs.mean(0)
    for i, axis in enumerate(axes):
        plots.band(axis, range(1, 17), runs[:, :, i], colour, f"clip {eps}")
    print(f"clip {eps:<4} clipped at update 1, 2, 16: "
          + ", ".join(f"{mean[i, 0]:.0f} %" for i in (0, 1, 15))
          + f"; right on 91 before update 16: {mean[15, 1]:.0f} %")  # fmt: skip
axes[0].set(title="The first update is never clipped", ylabel="clipped tokens, %")
axes[1].set(title="A tight clip stops early", ylabel="right on 91, %")
for axis in axes:
    axis.set_xlabel("update from the same rollout")
axes[1].legend(fontsize=8)
plots.show(figure, f"n = {SEEDS} seeds; band: 95 % interval (Student's t).")

# %% [markdown]
# Whatever $\varepsilon$ is, the curve on the left begins at zero. A claim about clipping can only be tested with several updates a rollout. On the right, a tight clip leaves less to gain from each rollout. In this toy going far does no harm; a real model can break.
#
# ## 6. The KL term, and what its gradient really is
#
# The last term of Equation 1, a distance called *KL*, keeps the model near a *reference* policy, so that it does not forget how to speak:
#
# $$\ldots - \underbrace{\beta}_{\text{how short}} \underbrace{\mathbb{D}_{\text{KL}}(\pi_\theta \| \pi_{\text{ref}})}_{\text{the leash}}, \qquad \mathbb{D}_{\text{KL}} = \underbrace{\frac{\pi_{\text{ref}}(o_i|q)}{\pi_\theta(o_i|q)}}_{x} - \underbrace{\log \frac{\pi_{\text{ref}}(o_i|q)}{\pi_\theta(o_i|q)}}_{\log x} - 1$$
#
# $\text{KL}(\pi\|\pi_{\text{ref}}) = \mathbb{E}_\pi[\log \pi - \log \pi_{\text{ref}}]$ needs all completions, so it is estimated from samples. There are three well-known ways: k1 is $-\log x$, k2 is $\tfrac12 (\log x)^2$, and k3 is $x - \log x - 1$. R1's Equation 2 is k3.
#
# ### Exercise 02.4 · code · 5 min · difficulty 2 of 5
# Write k3 from log-probabilities. Mind which policy stands above the line.


# %%
def my_k3(logp, ref_logp):
    """log-probabilities of the same samples under policy and reference, any shape."""
    ...  # your code


# %%
checks.check("02.4", my_k3)

# %% [markdown]
# <details><summary>Solution 02.4</summary>
#
# ```python
# def my_k3(logp, ref_logp):
#     log_x = ref_logp - logp
#     return log_x.exp() - log_x - 1
# ```
#
# With the two swapped the values look just as harmless, never negative and zero for equal policies, but their mean over your samples is no KL.
#
# </details>

# %% [markdown]
# Now list all five completions on 91 and compare. The reference is the starting policy. The policy is one that has already moved: every logit is multiplied by 1.5.

# %%
ref, moved = logps(START)[1], logps(1.5 * START)[1]
p = moved.exp()
print(f"exact KL(policy || reference) {(p * (moved - ref)).sum():.4f}")
for name in ("k1", "k2", "k3"):
    value = getattr(losses, f"kl_{name}")(moved, ref)
    mean = (p * value).sum()
    sd = (p * (value - mean) ** 2).sum().sqrt()
    print(f"{name}: mean {mean:.4f}, spread {sd:.3f}, smallest {value.min():+.3f}")

# %% [markdown]
# k1 and k3 are right on average. k3 is never negative and here far steadier than k1. k2 is too small by about a sixth. So k3 looks like the best of both, as a *number*.
#
# But GRPO does not print it. It differentiates it, with the samples held fixed. The derivative of a good estimate need not be a good estimate of the derivative, because the samples themselves would change with the policy. *Predict: which of the three has the gradient of the KL we wanted?*


# %%
def kl_gradient(value):
    """Expected slope on the first letter of 91, for samples drawn from the policy."""
    weight = logps(1.5 * START)[1].exp()  # fixed: how often each completion is sampled
    loss = lambda theta: (weight * value(logps(theta)[1], ref)).sum()  # noqa: E731
    return gradient(loss, 1.5 * START)[1, 0]


wanted = gradient(
    lambda t: (logps(t)[1].exp() * (logps(t)[1] - ref)).sum(), 1.5 * START
)
other = gradient(lambda t: (ref.exp() * (ref - logps(t)[1])).sum(), 1.5 * START)
bars = {"KL(policy||ref)": wanted[1, 0], "KL(ref||policy)": other[1, 0]}
bars |= {k: kl_gradient(getattr(losses, f"kl_{k}")) for k in ("k1", "k2", "k3")}
print("slope on letter:     t       y       n")
for name, slopes in bars.items():
    print(f"{name:16}", "".join(f"{round(v, 4) + 0.0:+8.4f}" for v in slopes.tolist()))

figure, axis = plots.canvas(width=6.5)
colours = [plots.GREY, "black", plots.GREEN, plots.ORANGE, plots.BLUE]
for i, (colour, (name, slopes)) in enumerate(zip(colours, bars.items(), strict=True)):
    axis.bar([x + 0.16 * i for x in range(3)], slopes, 0.14, color=colour, label=name)
axis.set_xticks([0.32, 1.32, 2.32], ["t (think)", "y (yes)", "n (no)"])
axis.axhline(0, color="black", linewidth=0.8)
axis.set(title="k2 pulls by the KL we wanted, k3 by the other one, k1 not at all")
axis.set(xlabel="logit of the first letter", ylabel="slope, nats a unit of logit")
axis.legend(fontsize=8)
plots.show(figure, "Exact: all five completions of 91, first letter.")

# %% [markdown]
# As a loss, k1 does nothing on average. k2 has the gradient of $\text{KL}(\pi\|\pi_{\text{ref}})$. k3, the one in the paper, has the gradient of the *other* KL, $\text{KL}(\pi_{\text{ref}}\|\pi)$. That one dislikes a policy that drops what the reference does, and cares less about new habits.
#
# All this holds for *one* estimate a completion, as Equation 2 has it. Programs do something else. TRL, and this course's `grpo`, take one estimate a *token* and add or average them. As a number that changes little: summed over tokens, k1 and k3 still have the KL as their mean. As a loss?

# %% [markdown]
# Take a policy that has strayed. On 91 it thinks a little less often than the reference, 0.16 in the place of 0.20. But once it thinks it hardly ever answers: `tt` follows in 8 of 10 cases.
#
# Raising `t` leads more often into the place where it has strayed, so the KL grows: its exact slope on `t` is +0.079. A leash must pull `t` down.
#
# ### Exercise 02.5 · predict · 3 min · difficulty 3 of 5
# Now use k2 with one value a token, summed. Which expected slope on `t` do you get: the same, smaller, of the other sign? Write a number.

# %%
my_slope = ...  # the exact KL has 0.079

# %%
checks.check("02.5", my_slope)

# %% [markdown]
# <details><summary>Solution 02.5</summary>
#
# ```python
# my_slope = -0.037
# ```
#
# The other sign. At the first letter a token-wise estimate sees only that `t` has become rarer than in the reference, and pulls it up.
#
# </details>

# %%
STRAYED = START.clone()
STRAYED[1] = torch.tensor([[0.16, 0.72, 0.12], [0.8, 0.1, 0.1]]).log()
OFTEN = logps(STRAYED)[1].exp()  # how often each completion is sampled: fixed


def tokens(theta):
    """(5, 2): the tokens of 91's completions, and 0 behind their end."""
    return (token_logps(theta) * MASK)[1]


def on_tokens(value):
    return lambda t: (OFTEN[:, None] * value(tokens(t), tokens(START)) * MASK).sum()


def corrected(now, ref):  # as TRL does it: k3 times the token's ratio
    return (now - now.detach()).exp() * losses.kl_k3(now, ref)


kl_losses = {
    "KL, exact": lambda t: (logps(t)[1].exp() * (logps(t)[1] - ref)).sum(),
    "k2, a completion": lambda t: (OFTEN * losses.kl_k2(logps(t)[1], ref)).sum(),
    "k2, a token": on_tokens(losses.kl_k2),
    "ratio x k3, a token": on_tokens(corrected),
}

# %%
figure, axis = plots.canvas(width=7)
colours = ["black", plots.GREEN, plots.ORANGE, plots.BLUE]
for x, (name, loss) in enumerate(kl_losses.items()):
    slope = gradient(loss, STRAYED)[1, 0, 0].item()
    axis.bar(x, slope, 0.6, color=colours[x])
    print(f"{name:20} slope on t {slope:+.4f}")
axis.set_xticks(range(4), list(kl_losses))
axis.axhline(0, color="black", linewidth=0.8)
axis.set(title="Token by token, the leash pulls the other way", xlabel="the loss")
axis.set_ylabel("slope on t, nats a unit of logit")
plots.mark_guess(axis, 2, checks.guess("02.5"))
plots.show(figure, "Exact: all five completions of 91, at the strayed policy.")

# %% [markdown]
# A token's value is differentiated where it stands. That an earlier letter decides how often one comes there is not in it. What the token-wise k2 has is the gradient of the KL *with the chances of the prefixes held fixed*, and so has k3 times the ratio, which TRL uses. The ratio exchanges one KL for the other. It does not bring the prefixes back. Dividing by $|o|$, as `grpo` does, weighs the tokens once more.
#
# In practice this is a small matter. R1 gives the term a weight of 0.001; Dr. GRPO, DAPO and TRL's defaults leave it out.

# %% [markdown]
# ## 7. GRPO as printed, and as implemented
#
# R1's Equation 1 writes one ratio for a whole completion. DeepSeekMath, where GRPO comes from, and TRL's GRPO use one ratio a token, and the mean over the completion's $|o|$ tokens. These are different methods with one name. An example: two tokens, one twice as likely as before, one half as likely.

# %%
logp = torch.tensor([[2.0, 0.5]]).log().requires_grad_()
old, good, mask = torch.zeros(1, 2), torch.ones(1), torch.ones(1, 2)
for name, words in {"printed": "a completion", "grpo": "a token"}.items():
    objective = losses.PUBLISHED[name]
    loss = losses.policy_loss(logp, old, good, mask, objective)
    (slopes,) = torch.autograd.grad(loss, logp)[0].tolist()
    (ratio,) = losses.importance_ratio(logp, old, mask, objective.ratio).tolist()
    print(f"one ratio {words:12}", [round(x, 2) for x in ratio], "slopes", slopes)

# %% [markdown]
# As printed, the two changes cancel: the product is 1, nothing is clipped. Token by token, the first is stopped and the second goes on. (In this course's `loss="printed"` a KL term stays token by token, unlike Equation 2. DeepSeek's program is not public. A remark in the Nature version, that a small clip cuts off the gradients of many tokens, suggests that it too works token by token.)

# %% [markdown]
# Which one is right? After the policy has moved, only the whole ratio gives the exact slope of $J$. We can enumerate that too: sample from the start, ask for the slope at the moved policy, no clip. An `Objective` has three parts, whose ratio, which average, where the clip. Here all tokens count alike (average `sum`, as printed), so only the ratio differs.


# %%
def off_policy(ratio, theta):
    """Expected slope at theta of samples from START, all ten completions listed."""
    weight = (logps(START).exp() * (REWARD - 0.5)).flatten()  # a baseline of one half
    old, mask = token_logps(START).flatten(0, 1), MASK.repeat(2, 1)

    def objective(t):
        now = token_logps(t).flatten(0, 1)
        free = losses.Objective(ratio, "sum", clip_low=math.inf, clip_high=math.inf)
        return -losses.policy_loss(now, old, weight, mask, free, divisor=2)

    return gradient(objective, theta)


exact = gradient(J, 1.5 * START)
for ratio, words in {"sequence": "a completion", "token": "a token"}.items():
    error = (off_policy(ratio, 1.5 * START) - exact).norm() / exact.norm()
    print(f"one ratio {words:12} error {100 * error:.1f} % of the slope")

# %% [markdown]
# The printed form is exact. The token form is not, because it forgets that the other tokens have changed too. A reason to use it all the same: a product over thousands of tokens can become huge or tiny, and then a little error on average is the smaller evil. With one update a rollout all ratios are 1, and the question disappears.

# %% [markdown]
# What does not disappear is the division by $|o|$. Each completion has the same weight, shared by its tokens. A long completion's tokens get little each.
#
# ### Exercise 02.6 · predict · 2 min · difficulty 1 of 5
# Two wrong answers stand in one group, with the same advantage. One has 20 tokens, one has 200. Under GRPO, how many times harder is a token of the short one pushed down?

# %%
my_factor = ...

# %%
checks.check("02.6", my_factor)

# %% [markdown]
# <details><summary>Solution 02.6</summary>
#
# ```python
# my_factor = 200 / 20
# ```
#
# Ten times. Being wrong at length is cheap, and being right briefly is rewarded most. The authors of Dr. GRPO call this the length bias and give it part of the blame for wrong answers that grow longer and longer.
#
# </details>

# %%
figure, axis = plots.canvas(width=5.5)
n = torch.arange(10, 201)
axis.plot(n, 200 / n, color=plots.BLUE, linewidth=2, label="GRPO")
axis.plot(n, 0 * n + 1, color=plots.ORANGE, linewidth=2, label="Dr. GRPO and DAPO")
axis.plot(20, 10, "o", color="black", label="20 tokens")
axis.set(title="Under GRPO a short answer's tokens weigh more", xlabel="tokens, |o|")
axis.set_ylabel("weight of a token (200: 1)")
axis.legend(fontsize=8)
plots.mark_guess(axis, 20, checks.guess("02.6"))
plots.show(figure, "Exact: the divisors. A token of a completion of 200 tokens has 1.")

# %% [markdown]
# Three answers to the division exist. GRPO: the mean over each completion, then over completions. Dr. GRPO: every token of every completion counts the same, divided by a constant; and no division by the std. DAPO: every token of the batch counts the same, divided by the number of tokens in it.
#
# Below is a playground: eight completions of one problem. Click who is right, drag the lengths, change the form. It needs no kernel. *Before you click: under GRPO, which of the two right answers gets the larger push on each token?*

# %%
from r1lab import widgets

widgets.advantage_playground()

# %% [markdown]
# Three things to try. Make all eight right: silence. Leave one right, then seven: the lone winner is lifted hard, the lone loser is pressed down hard. Switch from GRPO to Dr. GRPO and watch the middle column: all right answers get the same push, whatever their length.
#
# Does this change what is learned? On 91 there are two roads, `n` and `tn`, almost equally steep. The right answer `n` has one token, `tn` has two. We train on the *expected* update over all $5^4 = 625$ groups of four, so there is no luck in it.

# %%
GROUPS = torch.tensor(list(itertools.product(range(5), repeat=4)))  # every group of 4


def climb(kind, scale, rate=0.2, goal=0.95):
    """[(P(right), P(think first))] on 91 under the expected update, until `goal`."""
    A = losses.group_advantages(REWARD[1][GROUPS], scale)
    n = LENGTH[GROUPS].double()
    share = {
        "grpo": 1 / (4 * n),  # mean over the completion, mean over the group
        "dr_grpo": torch.full_like(n, 1 / (4 * 2)),  # a constant: G x longest possible
        "dapo": 1 / n.sum(1, keepdim=True).expand_as(n),  # tokens in the group
    }[kind]
    theta, path = START.clone(), []
    while True:
        now = logps(theta)[1].exp()
        path.append(((now * REWARD[1]).sum().item(), theta[1, 0].softmax(-1)[0].item()))
        if path[-1][0] >= goal:
            return path
        chance = now[GROUPS].prod(1, keepdim=True)
        gain = lambda t: (chance * A * share * logps(t)[1][GROUPS]).sum()  # noqa
        theta = theta + rate * gradient(gain, theta)


# %% [markdown]
# ### Exercise 02.7 · experiment · 6 min · difficulty 2 of 5
# Train with each form until 95 % are right, and write down how often the policy then thinks first: `climb("grpo", "group")[-1]` gives the pair (right, thinks). Dr. GRPO is `climb("dr_grpo", "none")`, DAPO is `climb("dapo", "group")`. It starts at 0.20. Which form do you expect to think least?

# %%
my_thinking = {"grpo": ..., "dr_grpo": ..., "dapo": ...}

# %%
checks.check("02.7", my_thinking)

# %% [markdown]
# <details><summary>Solution 02.7</summary>
#
# ```python
# scales = {"grpo": "group", "dr_grpo": "none", "dapo": "group"}
# my_thinking = {kind: climb(kind, scale)[-1][1] for kind, scale in scales.items()}
# ```
#
# GRPO ends below where it began, Dr. GRPO at nearly twice the start, DAPO between them. All three are equally accurate. They differ in *how*.
#
# </details>

# %%
figure, axis = plots.canvas(width=5.5)
forms = {
    "GRPO": ("grpo", "group", plots.BLUE),
    "DAPO": ("dapo", "group", plots.GREEN),
    "Dr. GRPO": ("dr_grpo", "none", plots.ORANGE),
}
for name, (kind, scale, colour) in forms.items():
    right, thinks = (100 * torch.tensor(climb(kind, scale)).T).tolist()
    axis.plot(right, thinks, color=colour, label=name)
    print(f"{name:8} right {right[0]:.0f} -> {right[-1]:.0f} %, thinks first "
          f"{thinks[0]:.0f} -> {thinks[-1]:.0f} %")  # fmt: skip
axis.set(title="Dividing by the length: as accurate, less thinking")
axis.set(xlabel="right on 91, %", ylabel="thinks first, %", ylim=(0, 60))
axis.legend(fontsize=8)
plots.show(figure, "Exact: expected update over all 625 groups of 4.")

# %% [markdown]
# All three think more at first, because that pays at once. Later `n` catches up: it is never wrong on 91, while thinking still fails at times. Dr. GRPO does what the slope of $J$ says. The division by the length bends the path towards the short right answer.
#
# Do not read too much into the direction. With wrong answers that are long, the same division makes them cheap, and lengths grow.

# %% [markdown]
# ### Exercise 02.8 · experiment · 20 min · difficulty 4 of 5
# Now turn it round. Write a weight for the tokens of a completion that sees its length (1 or 2) and its advantage, never its letters. Reward and advantages stay GRPO's. Training must reach 95 % right on 91 within 150 updates, as GRPO and DAPO do, and end with a policy that thinks first in at least 60 %. Each group's weights are scaled to one sum, so size wins nothing. Many ways lead there, and the obvious ones are too slow. How far can you get?


# %%
def my_weight(lengths, advantages):
    """Both (groups, 4); returns: (groups, 4), positive. GRPO's is 1 / lengths."""
    ...  # your code


# %%
checks.check("02.8", my_weight)

# %% [markdown]
# <details><summary>Solution 02.8</summary>
#
# ```python
# def my_weight(lengths, advantages):
#     short_and_wrong = (advantages < 0) & (lengths == 1)
#     return torch.where(short_and_wrong, 100.0, lengths**2)
# ```
#
# `lengths**2` alone makes it think, but too slowly: the weight of a group goes to the long answers, and what must go is the short wrong `y`. Press hard on that, and its probability is freed for `n` and `t`; among right answers the long one weighs more. Nobody was paid for thinking.
#
# </details>

# %% [markdown]
# The second suspect is the std. Dividing by it turns up problems with a small spread, the hardest and the easiest. Dr. GRPO calls this the difficulty bias. *Predict: with groups of 8, how many times more does a problem with $p$ = 1 % count than one with $p$ = 50 %?*


# %%
def emphasis(p, G, scale):
    """How many times the slope of p enters the expected update of a group of G."""
    total = 0.0
    for right in range(1, G):
        chance = math.comb(G, right) * p**right * (1 - p) ** (G - right)
        row = torch.tensor([[1.0] * right + [0.0] * (G - right)], dtype=torch.float64)
        A = losses.group_advantages(row, scale)[0]
        total += chance * (right * A[0] / p - (G - right) * A[-1] / (1 - p)).item() / G
    return total


figure, axis = plots.canvas(width=5.5)
x = torch.linspace(0.01, 0.99, 99).tolist()
for G, colour in ((8, plots.GREEN), (16, plots.ORANGE), (64, plots.BLUE)):
    y = [emphasis(v, G, "group") for v in x]
    axis.plot([100 * v for v in x], y, color=colour, label=f"divided by std, G = {G}")
    print(
        f"G = {G:2}: {y[0]:.2f} at 1 %, {y[49]:.2f} at 50 %, {y[0] / y[49]:.1f} times"
    )
y = [emphasis(v, 16, "none") for v in x]
axis.plot([100 * v for v in x], y, color="black", linestyle="--", label="not divided")
print(f"1/sqrt(p(1-p)), an endless group: {0.5 / math.sqrt(0.01 * 0.99):.1f} times")
axis.set(title="The difficulty bias grows with the group")
axis.set(xlabel="success rate p, %", ylabel="weight of a problem", ylim=(0, 7))
axis.legend(fontsize=8)
plots.show(figure, "Exact: sum over the number of right answers in a group.")

# %% [markdown]
# One often reads that the weight is $1/\sqrt{p(1-p)}$. That holds for an endless group. In a group of 8 the factor is far smaller: a hard problem is silent most of the time, and when it speaks, its advantage has a ceiling.

# %% [markdown]
# ## 8. The whole loop
#
# Here is everything, in one function, with your advantages and your loss inside. `rollout` samples completions and judges them, `logps_of` says how likely the policy finds them now. The loop does not know what a completion is.


# %%
def train(rollout, logps_of, optimizer, steps, compare=advantages, mean=per_completion):
    for step in range(steps):
        batch, reward = rollout(step)  # sample and judge: reward (P, G)
        A = compare(reward).flatten()[:, None]  # compare inside each group
        now, mask = logps_of(batch)  # (N, T): the policy, differentiable
        ratio = (now - now.detach()).exp()  # 1, but with a slope
        loss = mean(token_loss(ratio, A), mask)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield reward


def without_std(reward):
    return losses.group_advantages(reward, scale="none")


def by_a_constant(each, mask):
    return (each * mask).sum() / mask.numel()


# %% [markdown]
# One update a rollout: `now` stands in both places, once as the policy and once as a constant. GRPO is the default; Dr. GRPO is `without_std` and `by_a_constant`. First the three-letter language, this time sampled, eight answers to each question. Dr. GRPO's weights are smaller, so its rate is four times as large; then both climb alike. *Predict: does the luck of sampling hide the difference of part 7?*


# %%
def three_letters(form, rate, seed, steps):
    """J and P(think on 91) before each step, trained on samples."""
    theta, rows, path = START.clone().requires_grad_(), torch.arange(2)[:, None], []

    def rollout(step):
        path.append((J(theta).item(), theta[1, 0].softmax(-1)[0].item()))
        picks = draw(theta.detach(), 1, 8, seed=1000 * seed + step)[0]
        return picks, REWARD[rows, picks]

    def logps_of(picks):
        return token_logps(theta)[rows, picks].flatten(0, 1), MASK[picks].flatten(0, 1)

    optimizer = torch.optim.SGD([theta], lr=rate)
    for _ in train(rollout, logps_of, optimizer, steps, *form):
        pass
    return path


# %%
STEPS, RUNS = (10, 3) if environment.fast() else (60, 20)
found = {}
forms = {"GRPO": ((), 1.0), "Dr. GRPO": ((without_std, by_a_constant), 4.0)}
for name, (form, rate) in forms.items():
    runs = [three_letters(form, rate, seed, STEPS) for seed in range(RUNS)]
    found[name] = 100 * torch.tensor(runs)  # (seeds, steps, 2)
figure, axes = plots.canvas(2)
for name, colour in {"GRPO": plots.BLUE, "Dr. GRPO": plots.ORANGE}.items():
    start, end = found[name].mean(0)[[0, -1]].tolist()
    print(f"{name:8} J {start[0]:.0f} -> {end[0]:.0f} %, "
          f"thinks on 91 {start[1]:.0f} -> {end[1]:.0f} %")  # fmt: skip
    for i, axis in enumerate(axes):
        plots.band(axis, range(STEPS), found[name][:, :, i], colour, name)
axes[0].set(title="It learns from right and wrong alone", ylabel="J, %")
axes[1].set(title="The habit depends on the divisor", ylabel="thinks first on 91, %")
axes[0].legend(fontsize=8)
for axis in axes:
    axis.set(xlabel="step", ylim=(0, 100))
plots.show(figure, f"2 x 8 answers a step; n = {RUNS} seeds; band: 95 % (Student's t).")

# %% [markdown]
# ### Exercise 02.9 · code · 10 min · difficulty 3 of 5
# Scroll the loop out of sight and write it again, GRPO only: sample, compare, ask, weigh, step. Use `advantages`, `token_loss` and `per_completion`, or write them out. Yours trains the language model below.


# %%
def my_train(rollout, logps_of, optimizer, steps):
    """rollout(step) gives (batch, reward), reward (P, G); logps_of(batch) gives (logps,
    mask), both (N, T). Yields the reward of each step."""
    ...  # your code


# %%
checks.check("02.9", my_train)

# %% [markdown]
# <details><summary>Solution 02.9</summary>
#
# ```python
# def my_train(rollout, logps_of, optimizer, steps):
#     for step in range(steps):
#         batch, reward = rollout(step)
#         A = advantages(reward).flatten()[:, None]
#         now, mask = logps_of(batch)
#         each = token_loss((now - now.detach()).exp(), A) * mask
#         loss = (each.sum(1) / mask.sum(1)).mean()
#         optimizer.zero_grad()
#         loss.backward()
#         optimizer.step()
#         yield reward
# ```
#
# Without `detach` the ratio is 1 and its slope is 0: nothing would be learned.
#
# </details>

# %% [markdown]
# Now the loop meets a language model. The course ships one with about a million weights. It has read countdown puzzles (reach a target with three numbers) and solves few of them. LoRA adds a small trainable part to each layer. The reward is 1 for a right answer and 0 for any other.
#
# Only the two plugs change. Prompts and completions stand in one row, padded on the right, and the mask marks what the policy wrote.

# %%
from r1lab import grpo, policy

train = checks.mine("02.9", my_train, train)
model, tokenizer = models.load("rich")
print(f"{sum(w.numel() for w in model.parameters()):,} weights")
model = models.add_lora(model, rank=8)
steps, CAP, test = (2, 64, 16) if environment.fast() else (20, 256, 256)
config = grpo.Config(prompts=8, group=8, max_new=CAP, lr=2e-3)
learner = policy.learner(model, tokenizer, config.lr)  # AdamW on the LoRA weights
pool = tasks.problems("countdown", 8 * steps, seed=0)


def tiny_rollout(step):
    asked, rule = pool[8 * step : 8 * step + 8], rewards.reward_set("accuracy")
    roll = grpo.rollout(learner, asked, rule, config, step)
    return roll, roll.rewards


def tiny_logps(roll):
    done = zip(
        roll.batch.prompts, roll.completions.ids, roll.completions.lengths, strict=True
    )
    rows = [torch.cat([torch.tensor(p), c[:n]]) for p, c, n in done]
    ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    logits = model(input_ids=ids[:, :-1], use_cache=False).logits
    start = torch.tensor([len(p) - 1 for p in roll.batch.prompts])[:, None]
    place = torch.arange(ids.shape[1] - 1)
    mask = (place >= start) & (place < start + roll.completions.lengths[:, None])
    return losses.token_logps(logits, ids[:, 1:]), mask


# %% [markdown]
# *Predict: after 20 updates on 64 answers each, how much better is it on problems it has never seen?*


# %%
def measure():
    how = evaluate.Sampling("tiny", CAP, seed=1)
    found = evaluate.answer(model, tokenizer, HELD_OUT, how)
    return evaluate.measure(found)


HELD_OUT = tasks.problems("countdown", test, seed=0, split="test")
before, curve = measure(), []
run = train(tiny_rollout, tiny_logps, learner.optimizer, steps)
for step, reward in enumerate(run, start=1):
    curve.append(reward.mean().item())
    if step % 5 == 0:
        silent = 100 * losses.zero_variance(reward).double().mean()
        print(f"step {step:2}: reward {curve[-1]:.2f}, {silent:.0f} % of groups silent")
after = measure()
for name, m in (("before", before), ("after", after)):
    low, high = (100 * x for x in m["ci95"])
    print(f"{name:6} right {100 * m['accuracy']:.0f} % [{low:.0f}, {high:.0f}], "
          f"{m['length']:.0f} tokens, n = {m['n']} held-out problems")  # fmt: skip

# %%
figure, axes = plots.canvas(2)
axes[0].plot(range(1, steps + 1), curve, color=plots.BLUE, marker=".")
axes[0].set(title="The reward rises on your machine", xlabel="step")
axes[0].set(ylabel="mean reward of 64 answers", xticks=range(0, steps + 1, 5))
for x, (m, colour) in enumerate(((before, plots.GREY), (after, plots.BLUE))):
    low, high = (100 * v for v in m["ci95"])
    axes[1].bar(x, 100 * m["accuracy"], color=colour, width=0.6)
    axes[1].errorbar(x, (low + high) / 2, (high - low) / 2, color="black", capsize=5)
axes[1].set_xticks([0, 1], ["before", "after"])
axes[1].set(title="It solves more unseen problems", ylabel="right, %", ylim=(0, 100))
plots.show(figure, f"One seed. Right: n = {test} held-out problems, 95 % interval.")

# %% [markdown]
# Twenty updates, and the model solves several times as many problems it has never seen. Its answers have become longer, too: the second line of the print.
#
# One seed is a demonstration, not evidence. Lesson 04 repeats this with several seeds, with controls that reward nothing useful, and asks what the model learned to do.
#
# ## 9. The library computes the same
#
# TRL's `GRPOTrainer` is what most people use. Is anything hidden in it? We give both the same batch: a rollout of the trained model. As the policy that learns from it we take the base model before training. So many ratios are not 1, and the clip has some work to do.

# %%
import dataclasses
import tempfile
import warnings

from datasets import Dataset

from r1lab import trl_engine  # also switches off TRL's report to the hub
from trl import GRPOConfig, GRPOTrainer

warnings.filterwarnings("ignore", category=FutureWarning)  # TRL's use of old names
base, _ = models.load("rich")


def trl_loss(inputs, **form):
    settings = GRPOConfig(
        output_dir=tempfile.mkdtemp(), use_cpu=True, bf16=False, report_to=[],
        per_device_train_batch_size=64, num_generations=8, max_completion_length=CAP,
        gradient_checkpointing=False, dataloader_pin_memory=False, **form,
    )  # fmt: skip
    judge = lambda completions, **_: [0.0] * len(completions)  # noqa: E731
    rows = Dataset.from_dict({"prompt": ["unused"] * 8})
    trainer = GRPOTrainer(base, judge, settings, rows, processing_class=tokenizer)
    trainer.current_gradient_accumulation_steps = 1
    return trainer._compute_loss(base, inputs).item()


# %%
roll = tiny_rollout(0)[0]
done, prompts = roll.completions, roll.batch.prompts
sizes = torch.tensor([len(p) for p in prompts])
width = int(sizes.max())
inputs = {  # TRL pads prompts on the left
    "prompt_ids": torch.tensor([[0] * (width - len(p)) + p for p in prompts]),
    "prompt_mask": (torch.arange(width) >= width - sizes[:, None]).long(),
    "completion_ids": done.ids,
    "completion_mask": done.mask.long(),
    "advantages": roll.advantages.flatten(),
    "old_per_token_logps": done.logps,
    "num_items_in_batch": done.mask.sum(),
}
with torch.no_grad():
    ids = torch.cat([inputs["prompt_ids"], done.ids], 1)
    seen = torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], 1)
    logits = base(input_ids=ids, attention_mask=seen).logits[:, width - 1 : -1]
    now = losses.token_logps(logits, done.ids)
batch = now, done.logps, roll.advantages.flatten(), done.mask

# %%
print(f"clipped: {100 * losses.clip_fraction(*batch):.0f} % of tokens")
print("form      ours         TRL          difference")
for kind in ("grpo", "dr_grpo", "dapo"):
    objective = dataclasses.replace(losses.PUBLISHED[kind], clip_high=0.2)  # as TRL's
    divisor = losses.loss_divisor(done.mask, objective.average, CAP)
    ours = losses.policy_loss(*batch, objective, divisor)
    theirs = trl_loss(inputs, loss_type=kind)
    print(f"{kind:8} {ours:+.8f}  {theirs:+.8f}  {abs(ours - theirs):.0e}")

# %% [markdown]
# The two agree to rounding: the same formula with more options. The project's tests also compare every gradient, over three updates.
#
# But TRL's defaults are not the paper's. Here they stand side by side. The right column is what the Nature version of the R1 report gives for R1-Zero; the clip is given for the first RL stage of R1 only.

# %%
PAPER = {
    "loss_type": "printed: a ratio a completion",
    "beta": "0.001",
    "epsilon": "10 (first RL stage of R1)",
    "num_generations": "16",
    "learning_rate": "3e-6 (all weights)",
    "temperature": "1.0",
    "max_completion_length": "32,768; later 65,536",
    "scale_rewards": "by the group's std",
}
default = {f.name: f.default for f in dataclasses.fields(GRPOConfig)}
print(f"{'setting':22}{'TRL default':>12}   R1-Zero")
for name, paper in PAPER.items():
    print(f"{name:22}{default[name]!s:>12}   {paper}")

# %% [markdown]
# Each default has a reason. TRL follows DAPO's loss because it treats tokens alike, and leaves the KL term out because it needs a second model in memory and later papers did well without. The learning rate is meant for all weights; LoRA wants a higher one. Write the settings down: "we used GRPO" says less than it seems to.

# %% [markdown]
# ## 10. Verdicts
#
# What recorded runs say of this lesson's claims. Criteria: `data/claims.json`. Shown is the condition that a verdict hangs on, with its 95 % interval over seeds. *Predict: which choices matter on a tiny model?*

# %%
from r1lab import experiments
from r1lab.experiments import grpo_math

arms = [arm for arm in grpo_math.LOSSES.arms if "also" not in arm.settings]
labels = {arm.name: arm.label.split(": ")[1] for arm in arms}
found = grpo_math.worth(lambda arm: experiments.recorded(*arm.split("/")), labels)
figure, axis = plots.canvas(width=6.6, height=4.8)
for y, (seeds, (mean, low, high)) in enumerate(reversed(found.values())):
    axis.plot(seeds, [y] * len(seeds), ".", color=plots.GREY)
    ends = [[mean - low], [high - mean]]
    axis.errorbar(mean, y, xerr=ends, fmt="o", color=plots.BLUE, capsize=3)
axis.axvline(0, color="black", linewidth=0.8)
axis.set_yticks(range(len(found)), [labels[arm] for arm in reversed(found)], fontsize=8)
axis.set(title="A short leash costs most, a new reference gives it back")
axis.set_xlabel("right, points from the control's: GRPO, one update a rollout")
control = experiments.recorded("judge", "rule")[0].summary
lost = 100 * (control["after"]["accuracy"] - control["before"]["accuracy"])
plots.show(figure, f"A dot a seed, n = {control['n']} held-out problems; blue: mean, "
           f"95 %. Untrained: {lost:.0f} points below 0 (seed 0).")  # fmt: skip

# %%
import textwrap

from r1lab.claims import scoreboard
from r1lab.claims.verdicts import WORDS

for row in scoreboard.every():
    if row["lesson"] == "02":
        print(f"{row['id']:5} {WORDS[row['verdict']].upper()}")
        found = row["reason"]
        if one := scoreboard.deciding(row):
            found = f"{scoreboard.seen(one)}, asked {one['asked']:g}: {one['metric']}"
        for line in (row["statement"], found):
            print(textwrap.indent(textwrap.fill(line, 82), "      "))

# %% [markdown]
# ## The sentence that stays
#
# Two settings of one name, and a habit is learned or lost. **The divisor is part of the reward, whether you meant it or not.**

# %% [markdown]
# ## What you can now do
#
# Answer without looking, then open.
#
# <details><summary>1. One right answer of 16: which advantage, and why two numbers?</summary>
#
# 3.87 with n in the std, 3.75 with n-1.
#
# </details>
# <details><summary>2. One update a rollout: what does the clip do?</summary>
#
# Nothing. All ratios are 1.
#
# </details>
# <details><summary>3. Towards which KL does a k3 loss pull?</summary>
#
# One estimate a completion: KL(reference || policy), not the one it estimates. One a token: the same of the next token, the prefixes' chances held fixed.
#
# </details>
# <details><summary>4. What does Dr. GRPO leave out, and what does each do?</summary>
#
# 1/|o| makes long answers' tokens light; 1/std turns up very hard and very easy problems.
#
# </details>
# <details><summary>5. Write the loop.</summary>
#
# Sample a group, judge, compare inside the group, weigh log-probabilities, step.
#
# </details>

# %% [markdown]
# ## What this leaves out
#
# * The three-letter results are exact, of a table of 12 numbers. Which form is better for a large model is not decided here.
# * The loop above makes one update a rollout, without a KL term. R1 makes 16, weight 0.001, a new reference every 400 steps.
# * Critics: lesson 04.
# * Where the reward comes from is lesson 03, what a model learns from it lesson 04. Kimi's squared loss is lesson 08.
#
# ## References
#
# * DeepSeek-R1, [arXiv 2501.12948](https://arxiv.org/abs/2501.12948), section 2.2.1, Equations 1 to 3; settings: Nature 645, 633 (2025), Methods.
# * DeepSeekMath, [arXiv 2402.03300](https://arxiv.org/abs/2402.03300): the first GRPO, token by token.
# * Dr. GRPO: Understanding R1-Zero-like training, [arXiv 2503.20783](https://arxiv.org/abs/2503.20783), section 3.1.
# * DAPO, [arXiv 2503.14476](https://arxiv.org/abs/2503.14476), Equation 8.
# * PPO, [arXiv 1707.06347](https://arxiv.org/abs/1707.06347): where ratio and clip come from.
# * TRL, the [GRPO trainer](https://huggingface.co/docs/trl/grpo_trainer).
