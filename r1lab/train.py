"""The second engine: the loop of `grpo`, run by TRL's GRPOTrainer. The only file that imports TRL.

Same problems in the same order, same rewards, same loss; sampling is the library's own.
Left out: what TRL adds beyond that (tools, vLLM, several GPUs, its own checkpoints).
`tests/test_train.py` gives both engines one rollout and finds one update.

TRL keeps three habits. With several updates a rollout it draws each update's completions
from all groups at random, as DeepSeek-R1 does; ours keeps groups whole. It pads every row
to the longest, so its micro-batches hold fewer. Its "kl", "clipped" and "entropy" are means
over the tokens of each micro-batch; the entropy is exact, ours an estimate from the samples.
"""

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub.constants
import torch
from datasets import Dataset
from peft import PeftModel
from transformers import TrainerCallback
from transformers.trainer_callback import PrinterCallback
from trl import GRPOConfig, GRPOTrainer

from r1lab import rewards
from r1lab.grpo import Config, draw
from r1lab.models import trainable
from r1lab.tasks import Problem, prompt

huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY = True  # TRL would report every start to the hub

# Kind of `losses.policy_loss` -> TRL's settings.
LOSSES = {kind: {"loss_type": kind} for kind in ("grpo", "dr_grpo", "dapo", "bnpo")}
LOSSES["gspo"] = {"loss_type": "grpo", "importance_sampling_level": "sequence"}
LOGGED = {"loss": "loss", "kl": "kl", "clipped": "clip_ratio/region_mean", "grad_norm": "grad_norm",
          "entropy": "entropy"}  # fmt: skip


def grpo(model, tokenizer, pool: list[Problem], reward_set, config: Config, record: Callable[..., None],
         folder: Path, optimizer: torch.optim.Optimizer, start: int = 0) -> None:  # fmt: skip
    """Steps start+1 ... config.steps of `grpo.train` through TRL, on the device the model is on.

    model: a LoRA model, or a plain one whose weights all learn. After each step's update
    `record(step, problems, texts, lengths, ended, parts, rewards, advantages, report)` is
    called: P problems, N = P*G texts, token counts (end token included) and whether an end
    token was sampled, `parts` by reward name (N each), rewards and advantages (P, G),
    report as `grpo.update` gives it. To resume, `grpo.restore` what `grpo.state` saved in
    `record` and pass `start`. Raises ValueError for what TRL cannot do (see `settings`).
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
    training, base = model.training, model.get_base_model() if isinstance(model, PeftModel) else model
    with warnings.catch_warnings():  # TRL and PEFT use names that transformers 6 will drop
        warnings.filterwarnings("ignore", r"`(is_)?gradient_checkpointing` is deprecated", FutureWarning)
        trainer = watch.trainer = GRPOTrainer(
            model=model,
            reward_funcs=[watch.reward],
            args=settings(model, config, folder, width, start),
            train_dataset=Dataset.from_list(rows),  # in memory: nothing is cached on disk
            processing_class=tokenizer,
            callbacks=[watch],
            optimizers=(optimizer, None),  # None: the scheduler of `settings`
        )
        trainer.remove_callback(PrinterCallback)
        if config.beta:  # TRL's reference is the adapter as it is now; ours is the base, resumed or not
            model.delete_adapter("ref")
        try:
            trainer.train()
        finally:
            trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)
            base.__dict__.pop("forward", None)  # TRL put its own there
            model.train(training)


def settings(model, config: Config, folder: Path, width: int, start: int = 0) -> GRPOConfig:
    """`config` in TRL's words: every setting that differs from TRL's default, and why.

    width: the longest prompt plus max_new, in tokens. Raises ValueError for the loss
    "printed", for "bnpo" in micro-batches, for a KL term without LoRA, for completions that
    do not divide into `updates`, and for float16 weights that learn.
    """
    device, dtype = model.device, model.get_input_embeddings().weight.dtype
    completions = config.prompts * config.group
    if config.loss not in LOSSES:
        raise ValueError(f"TRL has no loss {config.loss!r}: choose one of {', '.join(LOSSES)}")
    if config.beta and not isinstance(model, PeftModel):
        raise ValueError("a KL term needs LoRA, whose base is the reference: set beta to 0 or train LoRA")
    if any(p.dtype == torch.float16 for p in trainable(model).values()):
        raise ValueError("float16 weights cannot learn, their gradients underflow: train LoRA or use float32")
    rows = micro_rows(completions // config.updates, width, config.micro_tokens)
    if config.loss == "bnpo" and rows * config.updates < completions:
        raise ValueError(
            "bnpo averages over the tokens of a micro-batch, so an update must be one: "
            f"set micro_tokens to {completions // config.updates * width} or take dapo"
        )
    parts, gpu = completions // config.updates // rows, device.type == "cuda"
    return GRPOConfig(
        output_dir=str(Path(folder) / "trl"),
        # what a step is
        max_steps=(config.steps - start) * config.updates,  # TRL counts updates
        num_generations=config.group,
        max_completion_length=config.max_new,
        per_device_train_batch_size=rows,  # a micro-batch, as large as micro_tokens allows
        gradient_accumulation_steps=parts,  # so many micro-batches are one update
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
        # the optimizer is passed on its own; this is what is left of it
        lr_scheduler_type="constant",  # TRL's default falls to 0 with the last step: no run could be resumed
        max_grad_norm=config.max_grad_norm,
        # the machine
        use_cpu=not gpu,
        # bf16: TRL's default, and an older card than Ampere only emulates it
        bf16=gpu and dtype == torch.bfloat16 and torch.cuda.get_device_capability(device) >= (8, 0),
        fp16=gpu and dtype == torch.float16,
        gradient_checkpointing=False,  # micro-batches bound the memory at no cost in time
        dataloader_pin_memory=False,  # rows are text
        # what is written and said
        save_strategy="no",  # `record` saves
        logging_steps=1,  # one `record` a step
        logging_nan_inf_filter=False,  # a loss that is not a number shall be seen
        report_to=[],
        disable_tqdm=True,
    )


def micro_rows(completions: int, width: int, micro_tokens: int) -> int:
    """How many rows of `width` tokens a micro-batch holds. TRL's are all equal: a divisor."""
    divisors = [n for n in range(1, completions + 1) if completions % n == 0]
    return max(n for n in divisors if n == 1 or n * width <= micro_tokens)


class _Watch(TrainerCallback):
    """The reward function TRL sees, and the callback that turns what it saw into `record`."""

    def __init__(self, pool, reward_set, config: Config, record, start: int):
        self.pool, self.reward_set, self.config = pool, reward_set, config
        self.record, self.start = record, start
        self.report = dict.fromkeys(LOGGED, 0.0)

    def on_step_begin(self, args, state, control, **kwargs):
        """Before every update; TRL samples at the first of a step. Its randomness is torch's."""
        self.step = self.start + state.global_step // self.config.updates + 1
        torch.manual_seed(1_000_003 * self.config.seed + self.step)  # so a resumed run draws the same

    def reward(self, **columns) -> list[float]:
        """The weighted total, added up here as in `grpo.rollout`.

        Rounded to 1/65536: then float32 has the exact mean of equal rewards, and their
        advantage is 0. Else eight rewards of 0.1 get 7e-5 each from TRL, and where no other
        group has a signal, Adam makes a whole step of it.
        """
        columns["trainer_state"] = SimpleNamespace(global_step=self.step - 1)  # TRL's restarts with each call
        self.totals, self.parts = rewards.score(*self.reward_set, **columns)
        self.texts, self.ids = columns["completions"], columns["completion_ids"]
        return [round(total * 65536) / 65536 for total in self.totals]

    def on_log(self, args, state, control, logs, **kwargs):
        """After every update, and once more at the end of training without a loss."""
        if "loss" not in logs:
            return
        for name, key in LOGGED.items():
            value = logs.get(key, 0.0)  # None: not a number, in TRL
            self.report[name] += (math.nan if value is None else value) / self.config.updates
        if state.global_step % self.config.updates:
            return
        report, self.report = self.report, dict.fromkeys(LOGGED, 0.0)
        problems = draw(self.pool, self.config, self.step)
        lengths = [len(ids) for ids in self.ids]
        ended = [ids[-1] in self.trainer.eos_token_ids for ids in self.ids]
        totals = torch.tensor(self.totals).view(-1, self.config.group)
        logged = self.trainer._logs["advantages"]  # TRL has no public place for them
        advantages = torch.tensor(logged).view_as(totals)
        self.record(self.step, problems, self.texts, lengths, ended, self.parts, totals, advantages, report)
