"""`run sft` and `run dpo`: learning from one's own answers, the two supervised ways beside RL.

The base answers the problems that GRPO would ask (`run habits` on the tiny model, `run zero` on
others), as often as it would sample them, but all at once; the verifier judges; what remains is
taught. `sft`: rejection sampling (DeepSeek-R1, 2.3.3), the right answers as examples. `dpo`: right
against wrong answers to one problem (Kimi k1.5, 2.4, which there chooses by length as well).

Left out: a second round on the new model's answers (ReST, expert iteration). So the base's
own right answers are all there is to learn from, and RL's advantage is that it asks again.
"""

from r1lab import curriculum, evaluate, grpo, plots, tasks
from r1lab.records import Run
from r1lab.running.experiment import Arm, Experiment, Stage
from r1lab.running.measure import held_out


def gather(model, tokenizer, pool: list, config: grpo.Config) -> tuple[list[dict], dict]:
    """The base's answers to the problems of all steps, judged: a group a problem that was solved,
    and how many answers, right ones and tokens it took.

    Left out of the groups: right answers that the cap cut, and answers whose text is not read back
    as the tokens that were sampled, for those tokens are what shall be taught.
    """
    steps = range(1, config.steps + 1)
    draws = [curriculum.uniform(pool, config.prompts, config.seed, step) for step in steps]
    asked = [p for drawn in draws for p in drawn]
    seed = 1_000_003 * config.seed  # the rollout of a step 0
    how = evaluate.Sampling(config.template, config.max_new, seed, config.group, config.temperature)
    found = evaluate.answer(model, tokenizer, asked, how)
    right = found.correct.flatten().tolist()
    ids = tokenizer(found.texts, add_special_tokens=False)["input_ids"]
    groups: dict = {p: {} for p in asked}  # text -> good
    for i, (problem, text) in enumerate(zip(found.repeated(), found.texts, strict=True)):
        same = len(ids[i]) + found.ended[i] == found.lengths[i]
        if same and (found.ended[i] or not right[i]):
            groups[problem][text] = float(right[i])
    lines = [
        {"step": 0, "task": p.task, "numbers": list(p.numbers), "target": p.target,
         "prompt": tasks.prompt(p, config.template),
         "completions": list(texts), "rewards": {"accuracy": list(texts.values())}}
        for p, texts in groups.items() if any(texts.values())
    ]  # fmt: skip
    return lines, {"answers": len(right), "right": sum(right), "tokens": sum(found.lengths)}


def figure(run: Run):
    """What training moved, and the held-out problems before and after."""
    return plots.own_answers(run.metrics, run.summary)


def experiment(method: str, lesson: str, section: str, about: str, rate: float) -> Experiment:
    """One of the two. rate: times the learning rate of the preset."""
    label = method.upper()
    stages = (Stage(method, material=gather, rate=rate),)
    return Experiment(
        name=method,
        lesson=lesson,
        section=section,
        about=about,
        arms=(
            Arm("own", f"{label} on its own answers", stages),
            Arm("trl", f"{label} on its own answers, through TRL", stages, {"engine": "trl"}, (0,)),
            Arm(
                "smol", f"SmolLM2-135M, sums: {label} on its own answers", stages,
                {"preset": "smol", "engine": "trl"}, (0, 1, 2),
            ),
        ),
        measure=held_out,
        figure=figure,
        on={"cpu": {"lr": 2e-3}},
        minutes={"cpu": {"quick": 2}, "smol": {"quick": 6 if method == "sft" else 8}},
    )  # fmt: skip


SFT = "SFT on the base's own right answers: rejection sampling, without RL"
DPO = "DPO on the base's own right and wrong answers, without RL"
EXPERIMENTS = (
    experiment("sft", "05", "DeepSeek-R1 2.3.3", SFT, rate=1.0),
    # at the whole rate right answers became unlikelier too (trials with seeds from 100 on)
    experiment("dpo", "09", "Kimi k1.5 2.4", DPO, rate=0.5),
)
