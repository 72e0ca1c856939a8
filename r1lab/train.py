"""The second engine: the loop of `grpo`, run by TRL's GRPOTrainer. The only file that imports TRL.

Same problems in the same order, same rewards, same loss; sampling is the library's own.
Left out: what TRL adds beyond that (tools, its own checkpoints).
`tests/test_train.py` gives both engines one rollout and finds one update.

Under `torchrun` or `accelerate launch` every process makes the same call and samples its
share of the completions; `tests/test_processes.py` starts two and finds the update of one.
When to do that, and how: BEYOND_ONE_MACHINE.md.

TRL keeps three habits. With several updates a rollout it draws each update's completions
from all groups at random, as DeepSeek-R1 does; ours keeps groups whole. It pads every row
to the longest, so its micro-batches hold fewer. Its "kl", "clipped" and "entropy" are means
over the tokens of each micro-batch; the entropy is exact, ours an estimate from the samples.
"""

import math
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub.constants
import torch
from accelerate import PartialState
from accelerate.utils import gather_object
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
    training, base = model.training, model.get_base_model() if isinstance(model, PeftModel) else model
    with warnings.catch_warnings():  # TRL and PEFT use names that transformers 6 will drop
        warnings.filterwarnings("ignore", r"`(is_)?gradient_checkpointing` is deprecated", FutureWarning)
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
            optimizers=(None if sharded() else optimizer, None),  # None: the scheduler of `settings`
        )
        trainer.remove_callback(PrinterCallback)
        if config.beta:  # TRL's reference is the adapter as it is now; ours is the base, resumed or not
            model.delete_adapter("ref")
        try:
            trainer.train()
            if sharded():
                trainer.save_model()
                wait()  # the main process writes
        finally:
            trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)
            base.__dict__.pop("forward", None)  # TRL put its own there
            model.train(training)


def processes() -> int:
    """How many processes train together: the launcher says it."""
    return int(os.environ.get("WORLD_SIZE", 1))


def rank() -> int:
    """Which of them this is; 0 is the main one, which writes."""
    return int(os.environ.get("RANK", 0))


def sharded() -> bool:
    """Whether the launcher spreads the weights over the processes, so that none has all."""
    return any(os.environ.get(f"ACCELERATE_USE_{way}", "").lower() == "true" for way in ("FSDP", "DEEPSPEED"))


def wait() -> None:
    """Go on when every process has come here."""
    PartialState(cpu=not torch.cuda.is_available()).wait_for_everyone()


def settings(model, config: Config, folder: Path, width: int, start: int = 0) -> GRPOConfig:
    """`config` in TRL's words: every setting that differs from TRL's default, and why.

    width: the longest prompt plus max_new, in tokens. Raises ValueError for the loss
    "printed", for "bnpo" in micro-batches, for a KL term without LoRA, for completions that
    do not divide among the processes, and for float16 weights that learn.
    """
    device, dtype = model.device, model.get_input_embeddings().weight.dtype
    completions, together = config.prompts * config.group // config.updates, processes()  # of an update
    if config.loss not in LOSSES:
        raise ValueError(f"TRL has no loss {config.loss!r}: choose one of {', '.join(LOSSES)}")
    if config.beta and not isinstance(model, PeftModel):
        raise ValueError("a KL term needs LoRA, whose base is the reference: set beta to 0 or train LoRA")
    if any(p.dtype == torch.float16 for p in trainable(model).values()):
        raise ValueError("float16 weights cannot learn, their gradients underflow: train LoRA or use float32")
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
    parts, gpu = completions // together // rows, device.type == "cuda"
    server = os.environ.get("R1LAB_VLLM")
    os.environ.pop("ACCELERATE_MIXED_PRECISION", None)  # TRL's launch files say bf16; here the model says it
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
        use_vllm=bool(server),  # a vLLM server at this address samples; TRL's own mode shares the card
        vllm_mode="server",
        vllm_server_base_url=server,
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
        ddp_find_unused_parameters=False,  # every weight that learns is in every pass
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
        columns["trainer_state"] = SimpleNamespace(global_step=self.step - 1)  # TRL's restarts with each call
        self.totals, self.parts = rewards.score(*self.reward_set, **columns)
        self.texts, self.ids = columns["completions"], columns["completion_ids"]
        mine = self.totals[rank() * share : (rank() + 1) * share]
        return [round(total * 65536) / 65536 for total in mine]

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
        if rank():
            return
        problems = draw(self.pool, self.config, self.step)
        lengths = [len(ids) for ids in self.ids]
        ended = [ids[-1] in self.trainer.eos_token_ids for ids in self.ids]
        totals = torch.tensor(self.totals).view(-1, self.config.group)
        logged = self.trainer._logs["advantages"]  # TRL has no public place for them
        advantages = torch.tensor(logged).view_as(totals)
        self.record(self.step, problems, self.texts, lengths, ended, self.parts, totals, advantages, report)
