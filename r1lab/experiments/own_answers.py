"""`run sft` and `run dpo`: learning from one's own answers, the two supervised ways beside RL.

The base answers the problems that `run zero` would ask, as often as `run zero` would sample
them, but all at once; the verifier judges; what remains is taught through TRL. `sft`:
rejection sampling (DeepSeek-R1, 2.3.3), the right answers as examples. `dpo`: right against
wrong answers to one problem (Kimi k1.5, 2.4, which there chooses by length as well).
Before and after: the held-out problems of `run zero`, measured by the same function.

Left out: a second round on the new model's answers (ReST, expert iteration). So the base's
own right answers are all there is to learn from, and RL's advantage is that it asks again.
"""

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch

from r1lab import evaluate, grpo, models, plots, records, tasks
from r1lab.experiments import r1_zero_and_the_aha_moment as zero
from r1lab.machine import presets
from r1lab.tasks import Problem

MINUTES = {"sft": {"cpu": 2, "smol": 6}, "dpo": {"cpu": 2, "smol": 8}}  # on two cores
CHOSEN = ("preset", "task", "base", "revision", "dtype", "lora_rank", "eval_problems", "template", "group",
          "temperature")  # fmt: skip


def settings(
    name: str, options: zero.Options
) -> tuple[presets.Preset, grpo.Config, "train.Tuning", dict]:  # noqa: F821
    """The preset, how `run zero` would sample, how to learn, and the flat record of `config.json`.

    As many updates as `run zero` makes, of P pairs each, at its rate; DPO at half of it, because
    at the whole rate right answers became unlikelier too (trials with seeds from 100 on).
    Raises ValueError for DPO without LoRA.
    """
    from r1lab import trl_engine  # TRL takes seconds to import

    preset, sampling, record = zero.settings(options)
    if name == "dpo" and not preset.lora_rank:
        raise ValueError("DPO needs LoRA, whose base is the reference: leave --lora-rank full away")
    lr = sampling.lr if name == "sft" or options.lr is not None else sampling.lr / 2
    config = trl_engine.Tuning(
        steps=sampling.steps, prompts=sampling.prompts, max_new=sampling.max_new, lr=lr,
        micro_tokens=sampling.micro_tokens, seed=sampling.seed,
    )  # fmt: skip
    record = {
        "experiment": name,
        "engine": "trl",
        **{key: record[key] for key in CHOSEN},
        **asdict(config),
    }
    if name == "sft":
        del record["beta"]  # DPO's alone
    return preset, sampling, config, record


def run_name(name: str, options: zero.Options) -> str:
    """The folder name of a run: what differs from the defaults, then the seed."""
    return zero.run_name(options).replace("zero", name, 1).replace("-quick-rule", "", 1)


def run(name: str, options: zero.Options, folder: Path, resume: bool = False,
        watch: Callable[[zero.Progress], None] | None = None) -> dict:  # fmt: skip
    """Sample, judge, train, measure; writes the records of a run into `folder` and gives the summary.

    name: "sft" or "dpo". options: of `zero`, without its reward, recipe and engine. watch: as
    in `zero.run`. The answers stand in samples.jsonl before training begins, so a resumed run
    does not sample again. Raises records.RunError or ValueError with one sentence that says what to do.
    """
    if records.processes() > 1:
        raise records.RunError(f"run {name} trains on one process: start it without a launcher")
    if watch is None:
        with zero.bar(words) as watch:
            return run(name, options, folder, resume, watch)
    train = zero.trl_for(1)
    preset, sampling, config, record = settings(name, options)
    pool, held_out, _, _ = zero.given(preset)
    model, tokenizer = models.load(preset.model, getattr(torch, preset.dtype), preset.device)
    records.open_run(
        folder, record, resume
    )  # after what can fail for another reason: it makes the folder
    if records.finished(folder):
        return records.load_run(folder).summary
    model = models.prepare(model, preset.lora_rank, options.seed)
    optimizer = grpo.make_optimizer(model, config)

    saved = records.load_checkpoint(folder)
    if saved:
        start, tensors, about = saved
        grpo.restore(model, optimizer, tensors)
    else:
        watch(zero.Progress(0, config.steps))
        before = zero.measure(model, tokenizer, held_out, sampling)
        clock = time.monotonic()
        groups, sampled = gather(model, tokenizer, pool, sampling)
        for group in groups:
            records.append(folder, "samples.jsonl", group)
        records.append(
            folder, "timing.jsonl", {"step": 0, "seconds": round(time.monotonic() - clock, 3)}
        )
        start, about = 0, {"before": before, "sampled": sampled}
        records.save_checkpoint(folder, 0, grpo.state(model, optimizer), about)
    pairs = PAIRS[name](records.read_jsonl(folder / "samples.jsonl"))
    if not pairs:
        lacking = "was right" if name == "sft" else "was right where another was wrong"
        raise records.RunError(
            f"of the base's {about['sampled']['answers']} answers none {lacking}, so there is nothing to learn from: "
            "ask more problems with --steps, and choose another --out"
        )
    clock = time.monotonic()

    def keep(step, _, report):
        nonlocal clock
        line = {"step": step} | {k: round(v, 6) for k, v in report.items()}
        records.append(folder, "metrics.jsonl", line)
        records.append(
            folder, "timing.jsonl", {"step": step, "seconds": round(time.monotonic() - clock, 3)}
        )
        records.save_checkpoint(folder, step, grpo.state(model, optimizer), about)
        watch(zero.Progress(step, config.steps, line=line, before=about["before"]))
        clock = time.monotonic()

    teach = {"sft": train.sft, "dpo": train.dpo}[name]
    teach(model, tokenizer, pairs, config, keep, folder, optimizer, start)
    watch(zero.Progress(config.steps, config.steps, done=True, before=about["before"]))

    summary = zero.outcome(
        folder, about["before"], zero.measure(model, tokenizer, held_out, sampling)
    )
    summary |= {
        "sampled": about["sampled"] | {"pairs": len(pairs)},
        "sampled_tokens": about["sampled"]["tokens"],
    }
    plots.save(plots.own_answers(records.load_run(folder).metrics, summary), folder / "figure.png")
    models.save_trained(model, folder / "trained", preset.model)
    records.write_json(folder / "summary.json", summary)  # last: it says that the run is complete
    return summary


def words(line: dict) -> str:
    """A line of metrics.jsonl for the progress bar."""
    if "chosen" in line:
        return (
            f"loss {line['loss']:.3f}, {100 * line['preferred']:.0f} % of pairs the right way round"
        )
    return f"loss {line['loss']:.3f}, {100 * line['likeliest']:.0f} % of tokens the first choice"


def gather(model, tokenizer, pool: list[Problem], config: grpo.Config) -> tuple[list[dict], dict]:
    """(lines of samples.jsonl, counts): G answers to each of steps * P problems, judged.

    A line for each problem with a good answer: its distinct good and bad ones, `accuracy` 1 or
    0. Good: right and finished. Bad: wrong, cut ones among them. Left out are right answers
    that were cut, for nothing says where they would have ended, and the few whose text is not
    read back as the tokens that were sampled, for those tokens are what shall be taught.
    """
    asked = [p for step in range(1, config.steps + 1) for p in grpo.draw(pool, config, step)]
    seed = 1_000_003 * config.seed  # the rollout of a step 0
    how = evaluate.Sampling(config.template, config.max_new, seed, config.group, config.temperature)
    found = evaluate.answer(model, tokenizer, asked, how)
    right = found.correct.flatten().tolist()
    ids = tokenizer(found.texts, add_special_tokens=False)["input_ids"]
    groups = {p: {} for p in asked}  # text -> good
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


def examples(groups: list[dict]) -> list[tuple[str, str]]:
    """(prompt, good answer) of every problem, for SFT."""
    return [(group["prompt"], text) for group in groups for text in _those(group, 1.0)]


def choices(groups: list[dict]) -> list[tuple[str, str, str]]:
    """(prompt, good answer, bad answer), each with each of a problem, for DPO."""
    return [
        (group["prompt"], good, bad)
        for group in groups
        for good in _those(group, 1.0)
        for bad in _those(group, 0.0)
    ]


PAIRS = {"sft": examples, "dpo": choices}


def _those(group: dict, accuracy: float) -> list[str]:
    judged = zip(group["completions"], group["rewards"]["accuracy"], strict=True)
    return [text for text, found in judged if found == accuracy]
