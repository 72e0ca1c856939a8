"""`run critic`: what a step costs with PPO's critic and without it (DeepSeek-R1, 2.2.1).

Steps of `run losses` by the clock, four updates a rollout. Each is made twice on the same rollout,
by GRPO and by PPO, whose critic is a second network of the policy's size; the two take turns in
being first, so a busy machine slows both alike. The rate is 0: nothing is learned, and the
rollouts stay the same. `base` takes short completions, `trained` those of the end of `judge/rule`.
"""

from copy import deepcopy

from r1lab import critic, curriculum, grpo, models, plots, policy, rewards, tasks
from r1lab.experiments.rewards import SHORT, TEN
from r1lab.records import Run
from r1lab.running.evidence import Arms, Table, alike, of_larger
from r1lab.running.experiment import Arm, Experiment
from r1lab.running.settings import Plan
from r1lab.speed import parts

SHARED = ("prompts", "group", "max_new", "micro_tokens", "template")
WARM = 1  # first pairs that are not counted
MIB = 2**20
WAYS = {"grpo": {}, "ppo": {"gae": 1.0}}


def measure(model, tokenizer, problems: list, plan: Plan) -> dict:
    """Seconds of `counted` steps with GRPO and with PPO, and their completions' mean length; MiB
    that each holds from step to step, with LoRA and with all weights learning."""
    preset, own = plan.preset, plan.own
    whole = policy.learner(models.prepare(deepcopy(model), 0), tokenizer, 0.0)
    memory = {f"memory_{way}_full": held(one) for way, one in _both(whole).items()}
    model = models.prepare(model, preset.lora_rank, plan.seed)
    if own["end"] == "trained":
        recorded = models.of_run(f"judge-rule-s{plan.seed % len(TEN)}", plan.seed)
        models.go_on(model, recorded, preset.model, reference=False)
    learners = _both(policy.learner(model, tokenizer, 0.0))
    memory |= {f"memory_{way}_lora": held(one) for way, one in learners.items()}
    shared = {k: getattr(preset, k) for k in SHARED} | {"seed": plan.seed, "updates": 4, "lr": 0.0}
    configs = {way: grpo.Config(**shared | more) for way, more in WAYS.items()}
    pool = tasks.problems(preset.task, preset.train_problems, 0, "train", preset.size or None)
    paid = rewards.reward_set("rule")
    seconds = dict.fromkeys(WAYS, 0.0)
    lengths = []
    for step in range(1, WARM + own["counted"] + 1):
        asked = curriculum.uniform(pool, shared["prompts"], plan.seed, step)
        for way in list(WAYS)[:: (-1) ** step]:
            took, _ = parts.step(learners[way], asked, paid, configs[way], step)
            if step > WARM:
                seconds[way] += took.sampling + took.learning
                lengths.append(took.length)
    return seconds | memory | {"length": sum(lengths) / len(lengths), "steps": own["counted"]}


def _both(learner: policy.Learner) -> dict[str, policy.Learner]:
    """One policy, without a critic and with one."""
    return {"grpo": learner, "ppo": critic.beside(learner, 0.0)}


def held(learner: policy.Learner) -> float:
    """MiB of the weights, and of the gradient and Adam's two moments of those that learn; a
    critic's too."""
    own = list(learner.model.parameters())
    size = sum(p.nbytes * (4 if p.requires_grad else 1) for p in own) / MIB
    return size + (held(learner.critic) if learner.critic else 0.0)


def figure(run: Run):
    """Seconds of a step and MiB, without a critic and with one."""
    found = run.summary["measured"]
    drawn, axes = plots.canvas(2)
    time = [found[way] / found["steps"] for way in WAYS]
    memory = [found[f"memory_{way}_full"] for way in WAYS]
    for axis, values, what in zip(axes, (time, memory), ("seconds", "MiB"), strict=True):
        axis.bar([0, 1], values, color=(plots.BLUE, plots.ORANGE), width=0.6)
        axis.set_xticks([0, 1], ["GRPO", "PPO, critic"])
        axis.set_ylabel(what)
    axes[0].set_title(f"A step of {found['length']:.0f} tokens a completion")
    axes[1].set_title("Held from step to step, all weights")
    plots.tidy(drawn)
    return drawn


def _saved(arms: Arms) -> list[Table]:  # G-02
    found = []
    for ends in alike(arms("base"), arms("trained")):
        each = [run.summary["measured"] for run in ends]
        without, with_critic = (sum(one[way] for one in each) for way in WAYS)
        found.append([of_larger(with_critic, without)])
    return [found]


CRITIC = Experiment(
    name="critic",
    lesson="02",
    section="DeepSeek-R1 2.2.1",
    about="what a step costs with PPO's critic and without it, on the same rollouts",
    arms=(
        Arm("base", "GRPO and PPO by the clock, from the base", (), {"end": "base"}),
        Arm("trained", "GRPO and PPO by the clock, from the rule arm", (), {"end": "trained"}),
    ),
    measure=measure,
    figure=figure,
    minutes={"cpu": {"quick": 1}},
    on={"cpu": SHORT},
    settings={"end": "base", "counted": 6},
    evidence={"G-02": _saved},
)
EXPERIMENTS = (CRITIC,)
