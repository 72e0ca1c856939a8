"""`run zero`: R1-Zero (DeepSeek-R1, section 2.2) on the preset's model, and its controls.

A base model, a rule that checks answers, nothing else. Before and after: held-out
problems, one sample each at temperature 1. In between: GRPO with LoRA, a line of metrics
a step. Controls: `--reward random`, `--reward format`, and `--base poor`, the twin that
has never read a text that reflects.
"""

import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path

import torch
from tqdm import tqdm

from r1lab import (
    evaluate,
    grpo,
    models,
    plots,
    preflight,
    records,
    reflection,
    rewards,
    stats,
    tasks,
)
from r1lab.machine import presets
from r1lab.preflight import memory
from r1lab.running import alarms
from r1lab.running.alarms import Alarm
from r1lab.tasks import Problem
from r1lab.verify import verify

MINUTES = {"cpu": {"quick": 4, "slow": 10}, "smol": {"quick": 10, "slow": 50}}  # on two cores
RECIPES = {"quick": (1, 1), "slow": (1 / 4, 3)}  # the preset's learning rate and steps, times these
RECORDED = models.DATA / "runs"
SHOWN = 10  # steps whose completions are kept in samples.jsonl


@dataclass(frozen=True)
class Options:
    """What the command line sets. `lora_rank` 0 trains all weights."""

    preset: str = "cpu"
    base: str | None = None
    task: str | None = None
    reward: str = "rule"
    recipe: str = "quick"
    engine: str = "bench"
    steps: int | None = None
    lora_rank: int | None = None
    lr: float | None = None
    micro_tokens: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class Progress:
    """What a run tells whoever watches: before the base is measured (step 0), after every step,
    and before the trained model is measured (`done`). `line`: the step's metrics; `group`: its
    first problem with all completions; `before`: the base, once measured; `alarms`: all so far;
    `predicted`: GiB of memory and minutes of training, with step 0."""

    step: int
    steps: int
    done: bool = False
    line: dict = field(default_factory=dict)
    group: dict = field(default_factory=dict)
    before: dict = field(default_factory=dict)
    alarms: tuple[Alarm, ...] = ()
    predicted: dict = field(default_factory=dict)


def settings(options: Options) -> tuple[presets.Preset, grpo.Config, dict]:
    """The preset, the method's settings, and both as the flat record of `config.json`."""
    preset = presets.pick(options.preset)
    rank = preset.lora_rank if options.lora_rank is None else options.lora_rank
    slower, longer = RECIPES[options.recipe]
    lr, steps = preset.lr * slower, preset.steps * longer
    if rank == 0:
        lr /= 10  # all weights: LoRA's rate destroys the model
    given = {
        k: getattr(options, k)
        for k in ("lr", "steps", "micro_tokens")
        if getattr(options, k) is not None
    }
    config = grpo.Config(
        prompts=preset.prompts, group=preset.group, max_new=preset.max_new, template=preset.template,
        seed=options.seed, **({"lr": lr, "steps": steps, "micro_tokens": preset.micro_tokens} | given),
    )  # fmt: skip
    base, task = options.base or preset.model, options.task or preset.task
    preset = replace(
        preset,
        model=base,
        task=task,
        lora_rank=rank,
        steps=config.steps,
        micro_tokens=config.micro_tokens,
    )
    record = {"experiment": "zero", "preset": preset.name, "task": task, "base": base, "revision": models.commit(base),
              "dtype": preset.dtype, "reward": options.reward, "recipe": options.recipe, "engine": options.engine,
              "lora_rank": rank, "eval_problems": preset.eval_problems, **asdict(config)}  # fmt: skip
    return preset, config, record


def run_name(options: Options) -> str:
    """The folder name of a run: what differs from the defaults, then the seed."""
    preset = presets.choose()[0] if options.preset == "auto" else options.preset
    parts = ["zero"] if preset == "cpu" else ["zero", preset]
    parts += [options.recipe, options.reward]
    engine = options.engine if options.engine != "bench" else None
    parts += [str(x).replace("/", "-") for x in (options.base, options.task, engine) if x]
    if options.lora_rank is not None:
        parts.append(f"r{options.lora_rank}" if options.lora_rank else "full")
    return "-".join([*parts, f"s{options.seed}"])


def report(summary: dict) -> str:
    """A run's result in a few lines for the terminal."""
    before, after, gain = summary["before"], summary["after"], summary["gain"]

    def row(name, part):
        low, high = part["ci95"]
        return (f"{name:8} right {100 * part['accuracy']:5.1f} %  [{100 * low:.1f}, {100 * high:.1f}]   "
                f"{part['length']:6.1f} tokens   reflects in {100 * part['reflects']:.1f} % of answers")  # fmt: skip

    low, high = gain["ci95"]
    return "\n".join([
        row("base", before), row("trained", after),
        f"gain     {100 * gain['accuracy']:+.1f} points [{100 * low:+.1f}, {100 * high:+.1f}], n = {summary['n']} held-out "
        f"problems, {summary['steps']} steps in {summary['seconds'] / 60:.1f} min",
        *compared(summary),
    ])  # fmt: skip


def words(line: dict) -> str:
    """A line of metrics.jsonl for the progress bar."""
    return (
        f"reward {line['reward']:.2f}, right {100 * line['accuracy']:.0f} %, {line['length']:.0f} tokens, "
        f"reflects {100 * line['reflects']:.0f} %, no signal {100 * line['zero_variance']:.0f} %"
    )


def forecast(predicted: dict) -> str:
    """What a run will take, in a line."""
    text = f"{predicted['memory_gib']:.1f} GiB of memory"
    if "minutes" not in predicted:
        return text
    why = f"completions as long as in {predicted['from_runs']} recorded runs"
    if not predicted["from_runs"]:
        why = "at most, every completion at the cap"
    return f"{text}, {predicted['minutes']:.1f} min of training ({why})"


def compared(summary: dict) -> list[str]:
    """What a run took beside what was predicted, a line each; none for a run of before predictions."""
    units = {"memory_gib": ("Memory", "GiB"), "minutes": ("Training", "min")}
    return [
        f"{units[key][0]}: {summary['predicted'][key]:.1f} {units[key][1]} predicted, {summary['actual'][key]:.1f} taken"
        for key in units
        if key in summary.get("predicted", {}) and summary["actual"][key] is not None
    ]


@contextmanager
def bar(words: Callable[[dict], str] = words) -> Iterator[Callable[[Progress], None]]:
    """Watches a run as a progress bar in the terminal. words: what it says of a step's metrics."""
    with ExitStack() as closing:
        shown, told = None, 0

        def watch(now: Progress) -> None:
            nonlocal shown, told
            if shown is None:  # only now: what fails before the run begins is one plain line
                shown = closing.enter_context(
                    tqdm(total=now.steps, unit="step", dynamic_ncols=True)
                )
                if now.predicted:
                    shown.write(f"predicted: {forecast(now.predicted)}", file=sys.stderr)
            if now.line:
                shown.set_postfix_str(words(now.line), refresh=False)
            for alarm in now.alarms[told:]:
                shown.write(f"r1lab: {alarm}", file=sys.stderr)
            told = max(told, len(now.alarms))
            shown.n = now.step
            shown.refresh()

        yield watch


def run(
    options: Options,
    folder: Path,
    resume: bool = False,
    watch: Callable[[Progress], None] | None = None,
) -> dict:
    """Train, measure, write the records of a run into `folder`; gives the summary.

    watch: called as `Progress` says, after the step is saved, so what it raises stops the run
    and loses nothing; default a progress bar. Raises records.RunError or ValueError with one
    sentence that says what to do. Under a launcher that starts several processes the main
    one measures, writes and shows; the others train along.
    """
    together, main = records.processes(), records.rank() == 0
    trl_engine = trl_for(together) if options.engine == "trl" else None
    if together > 1 and not trl_engine:
        raise records.RunError("the bench engine runs on one process: add --engine trl")
    if watch is None:
        with bar() as watch:
            return run(options, folder, resume, watch)
    preset, config, record = settings(options)
    if together > 1:
        record["processes"] = (
            together  # each draws its own random numbers, so it is part of what ran
        )
    reward_set = rewards.reward_set(options.reward, options.seed)
    pool, held_out, prompt, need = given(preset)
    predicted = {"memory_gib": round(need.wanted, 2)}
    in_use = memory.start(preset.device)
    model, tokenizer = models.load(preset.model, getattr(torch, preset.dtype), preset.device)
    if main:
        records.open_run(
            folder, record, resume
        )  # after what can fail for another reason: it makes the folder
    if records.finished(folder):
        return records.load_run(folder).summary
    model = models.prepare(model, preset.lora_rank, options.seed)
    optimizer = grpo.make_optimizer(model, config)
    if options.engine == "bench":
        hope = preflight.expected(preset)
        pace = preflight.calibrate(model, tokenizer, pool, config, hope.length, preset.device)
        predicted["minutes"] = round(
            config.steps * preflight.seconds(pace, preset, prompt, hope) / 60, 2
        )
        predicted |= {"length": round(hope.length, 1), "from_runs": hope.recorded}

    early = alarms.of_prompt(tokenizer, tasks.prompt(pool[0], config.template))
    saved = records.load_checkpoint(folder)
    if saved:
        start, tensors, before = saved
        grpo.restore(model, optimizer, tensors)
    elif main:
        watch(Progress(0, config.steps, alarms=tuple(early), predicted=predicted))
        start, before = 0, measure(model, tokenizer, held_out, config)
        records.save_checkpoint(folder, 0, grpo.state(model, optimizer), before)
    else:  # the main process has not saved a step before the others join it
        start, before = 0, {}
    shown = {1 + i * max(1, config.steps - 1) // (SHOWN - 1) for i in range(SHOWN)}
    clock, history = time.monotonic(), records.read_jsonl(folder / "metrics.jsonl")

    def keep(step, problems, texts, lengths, ended, parts, scores, advantages, update):
        """Write down one step; both engines call it."""
        nonlocal clock
        asked = [p for p in problems for _ in range(config.group)]
        line = step_metrics(step, asked, texts, lengths, ended, parts, scores, update)
        records.append(folder, "metrics.jsonl", line)
        history.append(line)
        raised = (*early, *alarms.of_metrics(history))
        kept = sample(step, problems, texts, parts, scores, advantages, config.group)
        if step in shown:
            records.append(folder, "samples.jsonl", kept)
        records.append(
            folder, "timing.jsonl", {"step": step, "seconds": round(time.monotonic() - clock, 3)}
        )
        records.save_checkpoint(folder, step, grpo.state(model, optimizer), before)
        watch(Progress(step, config.steps, line=line, group=kept, before=before, alarms=raised))
        clock = time.monotonic()

    if options.engine == "bench":
        steps = grpo.train(
            model, tokenizer, pool, reward_set, config, optimizer, start, preset.device
        )
        for step, roll, update in steps:
            done = roll.completions
            keep(step, roll.problems, roll.texts, done.lengths.tolist(), done.ended.tolist(), roll.parts,
                 roll.rewards, roll.advantages, update)  # fmt: skip
    else:
        trl_engine.grpo(model, tokenizer, pool, reward_set, config, keep, folder, optimizer, start)
    if not main:
        trl_engine.wait()
        return records.load_run(folder).summary
    raised = (*early, *alarms.of_metrics(history))
    watch(Progress(config.steps, config.steps, done=True, before=before, alarms=raised))

    summary = summarise(folder, before, measure(model, tokenizer, held_out, config), raised)
    took = {
        "memory_gib": memory.used(preset.device, in_use),
        "minutes": round(summary["seconds"] / 60, 2),
    }
    summary |= {"predicted": predicted, "actual": took}
    plots.save(
        plots.self_evolution(records.load_run(folder).metrics, summary), folder / "figure.png"
    )
    models.save_trained(model, folder / "trained", preset.model)
    records.write_json(folder / "summary.json", summary)  # last: it says that the run is complete
    if together > 1:
        trl_engine.wait()
    return summary


def given(preset: presets.Preset) -> tuple[list[Problem], list[Problem], int, memory.Need]:
    """Problems to train on, held-out ones, tokens of the longest prompt, and the memory that is needed,
    before a model is loaded. Raises records.RunError where it does not fit."""
    memory.free()  # what a run before this one left, in a notebook
    held_out = tasks.problems(preset.task, preset.eval_problems, seed=0, split="test")
    pool = tasks.problems(preset.task, preset.train_problems, seed=0)
    prompt = preflight.longest(models.tokenizer(preset.model), pool + held_out, preset.template)
    return pool, held_out, prompt, preflight.check(preset, prompt)


def trl_for(together: int):
    """`r1lab.train`, where this machine and its launcher suit it. TRL takes seconds to import, so it is here."""
    try:
        from r1lab import trl_engine
    except ImportError as error:
        raise records.RunError(f"TRL is missing ({error}): pip install trl") from error
    cards = torch.cuda.device_count()
    if together == 1 and cards > 1:
        raise records.RunError(
            f"TRL takes one card a process and this one sees {cards}: set CUDA_VISIBLE_DEVICES=0, or start one "
            "process for each card (BEYOND_ONE_MACHINE.md)"
        )
    if trl_engine.sharded():
        raise records.RunError(
            "a run measures and saves whole weights, and FSDP or DeepSpeed shards them: launch it with DDP"
        )
    if together > 1 and cards:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))  # "cuda" is then a card of its own
    return trl_engine


def summarise(folder: Path, before: dict, after: dict, raised: Sequence[Alarm] = ()) -> dict:
    """The content of `summary.json` of `run zero`."""
    record = records.load_run(folder)
    return outcome(folder, before, after) | {
        **{k: record.config[k] for k in ("reward", "recipe")},
        "alarms": [asdict(alarm) for alarm in raised],
        "sampled_tokens": sum(m["tokens"] for m in record.metrics),
    }


def outcome(folder: Path, before: dict, after: dict) -> dict:
    """What every experiment's summary says. `gain`: paired by problem, with its bootstrap interval;
    `seconds`: of the training steps, without the two measurements."""
    record = records.load_run(folder)
    kept = ("experiment", "preset", "engine", "base", "lora_rank", "seed", "steps")
    mean, low, high = stats.mean_interval(differences({"before": before, "after": after}))
    cuda = presets.named(record.config["preset"]).device == "cuda"
    return {k: record.config[k] for k in kept} | {
        "before": before,
        "after": after,
        "gain": {"accuracy": mean, "ci95": [round(low, 4), round(high, 4)]},
        "n": after["n"],
        "seconds": round(sum(t["seconds"] for t in record.timing), 1),
        "date": date.today().isoformat(),
        "machine": torch.cuda.get_device_name()
        if cuda
        else f"{platform.machine()} CPU, {torch.get_num_threads()} threads",
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "command": "python -m r1lab " + " ".join(sys.argv[1:]),
    }


def differences(summary: dict) -> list[int]:
    """Per held-out problem of a run: 1 newly right, 0 as before, -1 newly wrong."""
    before, after = summary["before"]["right"], summary["after"]["right"]
    return [int(b) - int(a) for a, b in zip(before, after, strict=True)]


def measure(model, tokenizer, held_out: list[Problem], config: grpo.Config) -> dict:
    """Held-out accuracy, reasons, reflection; `right` holds a digit a problem, 1 or 0."""
    how = evaluate.Sampling(config.template, config.max_new, seed=10_000 + config.seed)
    answers = evaluate.answer(model, tokenizer, held_out, how)
    right = answers.correct[:, 0].astype(int).tolist()
    found = evaluate.measure(answers) | reflections(
        answers.problems, answers.texts, answers.lengths, answers.verdicts
    )
    return found | {"right": "".join(map(str, right))}


def reflections(asked: list[Problem], texts, lengths, verdicts) -> dict:
    """reflection.summarise over completions."""
    rows = zip(asked, texts, verdicts, strict=True)
    traces = [reflection.trace(*row) for row in rows]
    return reflection.summarise(traces, lengths, [v.correct for v in verdicts])


def step_metrics(step, asked, texts, lengths, ended, parts, scores, update) -> dict:
    """One line of metrics.jsonl: numbers that depend on the seed alone, never on the clock."""
    verdicts = [verify(p, text) for p, text in zip(asked, texts, strict=True)]
    right = [v.correct for v in verdicts]
    n = len(texts)
    line = {"step": step, "reward": float(scores.mean()), "accuracy": sum(right) / n}
    line |= {f"reward_{name}": sum(values) / n for name, values in parts.items()}
    line |= {
        "answered": sum(v.reason != "no answer" for v in verdicts) / n,
        "truncated": 1 - sum(ended) / n,
        "zero_variance": float((scores.max(1).values == scores.min(1).values).float().mean()),
        "tokens": sum(lengths),
    }
    line |= reflections(asked, texts, lengths, verdicts) | update
    return {k: round(v, 6) if isinstance(v, float) else v for k, v in line.items()}


def sample(step, problems, texts, parts, scores, advantages, group: int) -> dict:
    """The first problem's whole group at one step: completions, rewards, advantages."""
    return {
        "step": step,
        "task": problems[0].task,
        "numbers": list(problems[0].numbers),
        "target": problems[0].target,
        "question": problems[0].question,
        "completions": texts[:group],
        "rewards": {name: values[:group] for name, values in parts.items()}
        | {"total": scores[0].tolist()},
        "advantages": [round(a, 4) for a in advantages[0].tolist()],
    }


ARMS = {  # name in the table -> the part of a recorded run's folder name that all its seeds share
    "rule reward": "zero-quick-rule",
    "control: random reward": "zero-quick-random",
    "control: format reward": "zero-quick-format",
    "control: poor twin": "zero-quick-rule-poor",
    "slow recipe": "zero-slow-rule",
    "LoRA rank 1": "zero-quick-rule-r1",
    "all weights": "zero-quick-rule-full",
    "TRL's trainer": "zero-quick-rule-trl",
    "SmolLM2-135M, sums": "zero-smol-quick-rule",
    "SmolLM2-135M, sums: SFT on its own answers": "sft-smol",
    "SmolLM2-135M, sums: DPO on its own answers": "dpo-smol",
}


def recorded(arm: str, folder: Path = RECORDED) -> list[records.Run]:
    """All finished runs of an arm of `ARMS`, a seed each."""
    there = sorted(folder.glob(f"{ARMS[arm]}-s[0-9]*"))
    return [records.load_run(path) for path in there if records.finished(path)]


def table(folder: Path = RECORDED) -> str:
    """The recorded runs as a Markdown table, a row an arm; intervals over seeds and problems."""
    rows = [
        "| arm | seeds | right before | right after | gain, points [95 %] | smallest, largest gain | tokens | reflects | minutes |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for arm in ARMS:
        if found := [run.summary for run in recorded(arm, folder)]:
            rows.append(_row(arm, found))
    return "\n".join(rows)


def _row(arm: str, found: list[dict]) -> str:
    gains = [differences(s) for s in found]
    mean, low, high = (
        stats.seeds_interval(gains) if len(found) > 1 else stats.mean_interval(gains[0])
    )
    single = [100 * s["gain"]["accuracy"] for s in found]

    def both(key, scale=1.0, digits=0):
        before, after = (
            sum(s[part][key] for s in found) / len(found) * scale for part in ("before", "after")
        )
        return before, after, f"{before:.{digits}f} → {after:.{digits}f}"

    before, after, _ = both("accuracy", 100)
    minutes = sum(s["seconds"] for s in found) / len(found) / 60
    return (
        f"| {arm} | {len(found)} | {before:.1f} % | {after:.1f} % | {100 * mean:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}] "
        f"| {min(single):+.1f}, {max(single):+.1f} | {both('length')[2]} | {both('reflects', 100, 1)[2]} % | {minutes:.1f} |"
    )
