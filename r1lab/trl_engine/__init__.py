"""Training through TRL: GRPO as a second engine, and SFT and DPO. The only file that imports TRL.

`grpo` is the loop of `r1lab.grpo`, run by TRL's GRPOTrainer: same problems in the same
order, same rewards, same loss; sampling is the library's own. `tests/test_train.py` gives
both engines one rollout and finds one update. `sft` and `dpo` learn from pairs that are
there before training begins; `tests/test_tune.py` works out their losses by hand.
Left out: what TRL adds beyond that (tools, packing, its own checkpoints).

Under `torchrun` or `accelerate launch` every process makes the same call and samples its
share of the completions; `tests/test_processes.py` starts two and finds the update of one.
When to do that, and how: BEYOND_ONE_MACHINE.md.

In `grpo` TRL keeps three habits. With several updates a rollout it draws each update's completions
from all groups at random, as DeepSeek-R1 does; ours keeps groups whole. It pads every row
to the longest, so its micro-batches hold fewer. Its "kl", "clipped" and "entropy" are means
over the tokens of each micro-batch; the entropy is exact, ours an estimate from the samples.
"""

import math
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub.constants
import torch
from accelerate import PartialState
from accelerate.utils import extract_model_from_parallel, gather_object
from datasets import Dataset
from peft import PeftModel
from transformers import TrainerCallback
from transformers.trainer_callback import PrinterCallback
from trl import DPOConfig, DPOTrainer, GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer

from r1lab import rewards
from r1lab.grpo import Config, draw
from r1lab.machine.environment import processes, rank, sharded, vllm
from r1lab.machine.presets import AMPERE
from r1lab.models import trainable
from r1lab.tasks import Problem, prompt

huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY = True  # TRL would report every start to the hub

# Name in `losses.PUBLISHED` -> TRL's settings.
LOSSES = {kind: {"loss_type": kind} for kind in ("grpo", "dr_grpo", "dapo", "bnpo")}
LOSSES["gspo"] = {"loss_type": "grpo", "importance_sampling_level": "sequence"}
LOGGED = {"loss": "loss", "kl": "kl", "clipped": "clip_ratio/region_mean", "grad_norm": "grad_norm",
          "entropy": "entropy"}  # fmt: skip
TOLD = {
    "sft": {"loss": "loss", "grad_norm": "grad_norm", "entropy": "entropy", "likeliest": "mean_token_accuracy"},
    "dpo": {"loss": "loss", "grad_norm": "grad_norm", "chosen": "rewards/chosen", "rejected": "rewards/rejected",
            "preferred": "rewards/accuracies"},
}  # fmt: skip


def grpo(model, tokenizer, pool: list[Problem], reward_set, config: Config, record: Callable[..., None],
         folder: Path, optimizer: torch.optim.Optimizer, start: int = 0) -> None:  # fmt: skip
    """Steps start+1 ... config.steps of `grpo.train` through TRL, on the device the model is on.

    model: a LoRA model, or a plain one whose weights all learn. After each step's update
    `record(step, problems, texts, lengths, ended, parts, rewards, advantages, report)` is
    called: P problems, N = P*G texts, token counts (end token included) and whether an end
    token was sampled, `parts` by reward name (N each), rewards and advantages (P, G),
    report as `grpo.update` gives it. To resume, `grpo.restore` what `grpo.state` saved in
    `record` and pass `start`. Raises ValueError for what TRL cannot do (see `settings`).

    Several processes (`processes`) share the N completions in equal parts; the weights
    learn alike in all of them, and only the main one calls `record`, with all N. Where the
    launcher shards the weights (FSDP2, ZeRO-3), `record` must not read them, `optimizer`
    only says how to make the real one, and the trained weights are saved in folder/trl.
    """
    if start >= config.steps:
        return
    problems = [p for step in range(start + 1, config.steps + 1) for p in draw(pool, config, step)]
    prompts = [prompt(p, config.template) for p in problems]
    width = max(map(len, tokenizer(prompts)["input_ids"])) + config.max_new
    if width > model.config.max_position_embeddings:
        raise ValueError(
            f"prompt and completion ({width} tokens with max_new {config.max_new}) exceed the model's "
            f"{model.config.max_position_embeddings} positions: lower max_new"
        )
    rows = [{"prompt": q, "task": p.task, "numbers": list(p.numbers), "target": p.target}
            for q, p in zip(prompts, problems, strict=True)]  # fmt: skip
    watch = _Watch(pool, reward_set, config, record, start)
    with _lent(model):
        args = settings(model, config, folder, width, start)
        if sharded():  # then TRL must make the optimizer: one like ours
            (group,) = optimizer.param_groups
            args.learning_rate, args.weight_decay = group["lr"], group["weight_decay"]
            (args.adam_beta1, args.adam_beta2), args.adam_epsilon = group["betas"], group["eps"]
        trainer = watch.trainer = GRPOTrainer(
            model=model,
            reward_funcs=[watch.reward],
            args=args,
            train_dataset=Dataset.from_list(rows),  # in memory: nothing is cached on disk
            processing_class=tokenizer,
            callbacks=[watch],
            optimizers=(
                None if sharded() else optimizer,
                None,
            ),  # None: the scheduler of `settings`
        )
        trainer.remove_callback(PrinterCallback)
        _reference_is_the_base(model)
        trainer.train()
        if sharded():
            trainer.save_model()
            wait()  # the main process writes


@dataclass(frozen=True)
class Tuning:
    """The settings of `sft` and `dpo`. `beta`: of DPO alone, how dear it is to leave the base
    (Rafailov et al. 2023 take 0.1). A step is one update on P = `prompts` pairs."""

    steps: int = 40
    prompts: int = 16
    max_new: int = 320  # tokens of a completion, as in sampling: a longer one is cut there
    lr: float = 3e-4
    beta: float = 0.1
    micro_tokens: int = 8192
    seed: int = 0


def sft(model, tokenizer, pairs: list[tuple[str, str]], config: Tuning, record: Callable[..., None],
        folder: Path, optimizer: torch.optim.Optimizer, start: int = 0) -> None:  # fmt: skip
    """Steps start+1 ... config.steps of supervised fine-tuning (DeepSeek-R1, 2.3.3 and 2.4).

    model: a LoRA model, or a plain one whose weights all learn. pairs: (prompt, completion);
    the completion's tokens carry the loss, each the same weight in a step, the end token among
    them, the prompt's none. After each update `record(step, pairs, report)` is called: the P
    pairs of the step, drawn as `grpo.draw` draws problems; loss (minus the mean log-probability
    of a completion token), grad_norm, entropy, and likeliest: the share of tokens that were the
    model's first choice. To resume, `grpo.restore` what `grpo.state` saved in `record` and pass
    `start`. Raises ValueError for what cannot be trained (see `_pairwise`).
    """
    ids = _tokens(tokenizer, pairs, config.max_new)
    rows = [{"input_ids": p + c, "labels": [-100] * len(p) + c} for p, c in ids]  # -100: no loss
    with _lent(model):
        args = SFTConfig(
            **_pairwise(model, config, folder, ids, start),
            dataset_kwargs={"skip_prepare_dataset": True},  # the rows are tokens, see `_tokens`
        )
        _tune(SFTTrainer, args, model, tokenizer, pairs, rows, config, record, optimizer, start)


def dpo(model, tokenizer, pairs: list[tuple[str, str, str]], config: Tuning, record: Callable[..., None],
        folder: Path, optimizer: torch.optim.Optimizer, start: int = 0) -> None:  # fmt: skip
    """Steps start+1 ... config.steps of direct preference optimisation (Kimi k1.5, 2.4).

    As `sft`, with pairs (prompt, chosen, rejected) and LoRA alone: the reference is the base
    under the adapter, of a resumed run too. The loss of a pair is -log sigmoid(chosen -
    rejected), each of the two beta * log(policy / reference) of a whole completion. The
    report: the means of loss, chosen and rejected, grad_norm, and preferred: the share of
    pairs where chosen is above rejected. Raises ValueError also without LoRA.
    """
    if not isinstance(model, PeftModel):
        raise ValueError("DPO needs LoRA, whose base is the reference: train LoRA")
    ids = _tokens(tokenizer, pairs, config.max_new)
    rows = [{"prompt_ids": p, "chosen_ids": c, "rejected_ids": r} for p, c, r in ids]
    with _lent(model):
        args = DPOConfig(**_pairwise(model, config, folder, ids, start), beta=config.beta)
        _tune(_DPO, args, model, tokenizer, pairs, rows, config, record, optimizer, start)


def wait() -> None:
    """Go on when every process has come here."""
    PartialState(cpu=not torch.cuda.is_available()).wait_for_everyone()


def settings(model, config: Config, folder: Path, width: int, start: int = 0) -> GRPOConfig:
    """`config` in TRL's words: every setting that differs from TRL's default, and why.

    width: the longest prompt plus max_new, in tokens. Raises ValueError for the loss
    "printed", for "bnpo" in micro-batches, for a KL term without LoRA, for completions that
    do not divide among the processes, and for float16 weights that learn.
    """
    completions, together = (
        config.prompts * config.group // config.updates,
        processes(),
    )  # of an update
    if config.loss not in LOSSES:
        raise ValueError(f"TRL has no loss {config.loss!r}: choose one of {', '.join(LOSSES)}")
    if config.beta and not isinstance(model, PeftModel):
        raise ValueError(
            "a KL term needs LoRA, whose base is the reference: set beta to 0 or train LoRA"
        )
    if completions % together:
        raise ValueError(
            f"{completions} completions an update make no {together} equal shares: "
            "start another number of processes or change prompts or group"
        )
    rows = micro_rows(completions // together, width, config.micro_tokens)
    if config.loss == "bnpo" and rows < completions:
        way = "start one process" if together > 1 else f"set micro_tokens to {completions * width}"
        raise ValueError(
            f"bnpo averages over the tokens of a micro-batch, so an update must be one: {way} or take dapo"
        )
    parts = completions // together // rows
    server = vllm()
    return GRPOConfig(
        **_common(model, folder, rows, parts),
        # what a step is
        max_steps=(config.steps - start) * config.updates,  # TRL counts updates
        num_generations=config.group,
        max_completion_length=config.max_new,
        steps_per_generation=parts * config.updates,  # so many micro-batches are one rollout
        shuffle_dataset=False,  # `grpo.draw` has chosen the order
        # the method
        **LOSSES[config.loss],  # TRL's default is "dapo"
        scale_rewards=config.scale,
        epsilon=config.clip_low,
        epsilon_high=config.clip_high,
        beta=config.beta,
        use_bias_correction_kl=False,  # plain k3, as DeepSeek-R1 prints it
        temperature=config.temperature,
        use_vllm=bool(
            server
        ),  # a vLLM server at this address samples; TRL's own mode shares the card
        vllm_mode="server",
        vllm_server_base_url=server,
        max_grad_norm=config.max_grad_norm,
    )


def _pairwise(model, config: Tuning, folder: Path, ids: list[list[list[int]]], start: int) -> dict:
    """`config` in TRL's words, as far as SFT and DPO share them. Raises ValueError for pairs
    longer than the model's positions, for several processes, and for float16 weights that learn."""
    if processes() > 1:
        raise ValueError("SFT and DPO run on one process: start them without a launcher")
    longest = max(len(prompt) + max(map(len, completions)) for prompt, *completions in ids)
    if longest > model.config.max_position_embeddings:
        raise ValueError(
            f"prompt and completion ({longest} tokens) exceed the model's "
            f"{model.config.max_position_embeddings} positions: lower max_new"
        )
    rows = micro_rows(config.prompts, longest * (len(ids[0]) - 1), config.micro_tokens)
    return _common(model, folder, rows, config.prompts // rows) | {
        "max_steps": config.steps - start,
        "train_sampling_strategy": "sequential",  # `grpo.draw` has chosen the order
        "max_length": None,  # TRL's default cuts at 1024 tokens, prompt and all; `max_new` has cut
    }


def _common(model, folder: Path, rows: int, parts: int) -> dict:
    """What every trainer here is told. An update: `parts` micro-batches of `rows` rows."""
    if any(p.dtype == torch.float16 for p in trainable(model).values()):
        raise ValueError(
            "float16 weights cannot learn, their gradients underflow: train LoRA or use float32"
        )
    device, dtype = model.device, model.get_input_embeddings().weight.dtype
    gpu = device.type == "cuda"
    os.environ.pop(
        "ACCELERATE_MIXED_PRECISION", None
    )  # TRL's launch files say bf16; here the model says it
    return {
        "output_dir": str(Path(folder) / "trl"),
        "per_device_train_batch_size": rows,  # as large as micro_tokens allows
        "gradient_accumulation_steps": parts,
        # the optimizer is passed on its own; this is what is left of it
        "lr_scheduler_type": "constant",  # TRL's default falls to 0 with the last step: no run could be resumed
        # the machine
        "use_cpu": not gpu,
        # bf16: TRL's default, and an older card than Ampere only emulates it
        "bf16": gpu
        and dtype == torch.bfloat16
        and torch.cuda.get_device_capability(device) >= AMPERE,
        "fp16": gpu and dtype == torch.float16,
        "gradient_checkpointing": False,  # micro-batches bound the memory at no cost in time
        "dataloader_pin_memory": False,  # rows are small
        "ddp_find_unused_parameters": False,  # every weight that learns is in every pass
        # what is written and said
        "save_strategy": "no",  # `record` saves
        "logging_steps": 1,  # one `record` a step
        "logging_nan_inf_filter": False,  # a loss that is not a number shall be seen
        "report_to": [],
        "disable_tqdm": True,
    }


def micro_rows(completions: int, width: int, micro_tokens: int) -> int:
    """How many rows of `width` tokens a micro-batch holds. TRL's are all equal: a divisor."""
    divisors = [n for n in range(1, completions + 1) if completions % n == 0]
    return max(n for n in divisors if n == 1 or n * width <= micro_tokens)


def _tokens(tokenizer, pairs: list[tuple[str, ...]], max_new: int) -> list[list[list[int]]]:
    """The ids of each pair's prompt and of its one or two completions. Raises ValueError for no pair.

    Each text by itself, as the sampler reads a prompt and writes a completion; the end token
    stands once, and not where `max_new` cuts. TRL would tokenise prompt and completion as one
    text, whose tokens may merge across the border, and would always add an end token.
    """
    if not pairs:
        raise ValueError("there is no pair to learn from")
    prompts, *written = zip(*pairs, strict=True)
    columns = [tokenizer(list(prompts))["input_ids"]]
    for texts in written:
        found = tokenizer(list(texts), add_special_tokens=False)["input_ids"]
        columns.append([[*ids, tokenizer.eos_token_id][:max_new] for ids in found])
    return [list(ids) for ids in zip(*columns, strict=True)]


def _tune(
    kind, args, model, tokenizer, pairs, rows, config: Tuning, record, optimizer, start: int
) -> None:
    """Train on the rows, drawn as the pairs are."""
    if start >= config.steps:
        return
    steps = range(start + 1, config.steps + 1)
    trainer = kind(
        model=model,
        args=args,
        train_dataset=Dataset.from_list(
            [row for step in steps for row in draw(rows, config, step)]
        ),
        processing_class=tokenizer,
        callbacks=[_Tell(pairs, config, record, start)],
        optimizers=(optimizer, None),
    )
    trainer.remove_callback(PrinterCallback)
    _reference_is_the_base(model)
    trainer.train()


class _DPO(DPOTrainer):
    """TRL's, on rows that are tokens already: it knows no setting for that, as SFT does."""

    def _prepare_dataset(self, dataset, *_):
        return dataset


def _reference_is_the_base(model) -> None:
    """TRL's is a copy of the adapter as it is now; without the copy it is the base, resumed or not."""
    if "ref" in getattr(model, "peft_config", {}):
        model.delete_adapter("ref")


@contextmanager
def _lent(model) -> Iterator[None]:
    """The model as TRL may use it, and given back as it came."""
    training, base = (
        model.training,
        model.get_base_model() if isinstance(model, PeftModel) else model,
    )
    with warnings.catch_warnings():  # TRL and PEFT use names that transformers 6 will drop
        warnings.filterwarnings(
            "ignore", r"`(is_)?gradient_checkpointing` is deprecated", FutureWarning
        )
        try:
            yield
        finally:
            extract_model_from_parallel(model, keep_fp32_wrapper=False)
            base.__dict__.pop("forward", None)  # TRL put its own there
            model.train(training)


def _number(logs: dict, key: str) -> float:
    value = logs.get(key, 0.0)  # None: not a number, in TRL
    return math.nan if value is None else value


class _Tell(TrainerCallback):
    """Turns what TRL logs of SFT and DPO after an update into `record`."""

    def __init__(self, pairs, config: Tuning, record, start: int):
        self.pairs, self.config, self.record, self.start = pairs, config, record, start

    def on_log(self, args, state, control, logs, **kwargs):
        """After every update, and once more at the end of training without a loss."""
        if "loss" not in logs:
            return
        step = self.start + state.global_step
        told = TOLD["dpo" if "rewards/chosen" in logs else "sft"]
        report = {name: _number(logs, key) for name, key in told.items()}
        self.record(step, draw(self.pairs, self.config, step), report)


class _Watch(TrainerCallback):
    """The reward function TRL sees, and the callback that turns what it saw into `record`."""

    def __init__(self, pool, reward_set, config: Config, record, start: int):
        self.pool, self.reward_set, self.config = pool, reward_set, config
        self.record, self.start = record, start
        self.report = dict.fromkeys(LOGGED, 0.0)

    def on_step_begin(self, args, state, control, **kwargs):
        """Before every update; TRL samples at the first of a step. Its randomness is torch's."""
        self.step = self.start + state.global_step // self.config.updates + 1
        seed = self.config.seed + 1009 * rank()  # else two processes would sample one text twice
        torch.manual_seed(1_000_003 * seed + self.step)  # so a resumed run draws the same

    def reward(self, **columns) -> list[float]:
        """The weighted total, added up here as in `grpo.rollout`: of all completions in every
        process, which gives TRL its own share. So a reward may depend on the place in the batch.

        Rounded to 1/65536: then float32 has the exact mean of equal rewards, and their
        advantage is 0. Else eight rewards of 0.1 get 7e-5 each from TRL, and where no other
        group has a signal, Adam makes a whole step of it.
        """
        share = len(columns["completions"])
        columns = {k: gather_object(v) if isinstance(v, list) else v for k, v in columns.items()}
        columns["trainer_state"] = SimpleNamespace(
            global_step=self.step - 1
        )  # TRL's restarts with each call
        self.totals, self.parts = rewards.score(*self.reward_set, **columns)
        self.texts, self.ids = columns["completions"], columns["completion_ids"]
        mine = self.totals[rank() * share : (rank() + 1) * share]
        return [round(total * 65536) / 65536 for total in mine]

    def on_log(self, args, state, control, logs, **kwargs):
        """After every update, and once more at the end of training without a loss."""
        if "loss" not in logs:
            return
        for name, key in LOGGED.items():
            self.report[name] += _number(logs, key) / self.config.updates
        if state.global_step % self.config.updates:
            return
        report, self.report = self.report, dict.fromkeys(LOGGED, 0.0)
        if rank():
            return
        problems = draw(self.pool, self.config, self.step)
        lengths = [len(ids) for ids in self.ids]
        ended = [ids[-1] in self.trainer.eos_token_ids for ids in self.ids]
        totals = torch.tensor(self.totals).view(-1, self.config.group)
        logged = self.trainer._logs["advantages"]  # TRL has no public place for them
        advantages = torch.tensor(logged).view_as(totals)
        self.record(
            self.step, problems, self.texts, lengths, ended, self.parts, totals, advantages, report
        )
