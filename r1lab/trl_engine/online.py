"""GRPO through TRL: the loop of `r1lab.grpo`, run by TRL's GRPOTrainer.

TRL has habits of its own. With several updates a rollout it draws each update's completions from
all groups at random, as DeepSeek-R1 does; ours keeps groups whole. Then the average "step" divides
by the mean number of tokens of these updates, ours by each one's. It pads every row to the longest,
so its micro-batches hold fewer, and leaves out no group of equal rewards. Its "kl", "clipped" and
"entropy" are means over the tokens of each micro-batch; the entropy is exact, ours an estimate from
the samples. Its "logp_gap" is of all completions of the first update, ours of those learnt from.
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from datasets import Dataset
from peft import PeftModel
from transformers import TrainerCallback
from trl import GRPOConfig

from r1lab import curriculum, rollouts
from r1lab.grpo import Config
from r1lab.machine.environment import processes, rank, sharded, vllm
from r1lab.policy import Learner
from r1lab.records import Place
from r1lab.rollouts import Rollout, Sampled
from r1lab.tasks import Problem, prompt
from r1lab.trl_engine.common import common, lent, micro_rows, number, train, wait
from r1lab.trl_engine.sampled import Trainer

# Choices of `losses.Objective` -> TRL's words. It has no ratio of the whole completion and not
# Kimi's term, so of the published losses neither "printed" nor "kimi".
RATIOS = {"token": "token", "geometric": "sequence"}
AVERAGES = {"completion": "grpo", "sum": "luspo", "constant": "dr_grpo", "step": "dapo",
            "micro": "bnpo"}  # fmt: skip
LOGGED = {"loss": "loss", "kl": "kl", "clipped": "clip_ratio/region_mean",
          "grad_norm": "grad_norm", "entropy": "entropy"}  # fmt: skip


def grpo(
    learner: Learner, pool: list[Problem], reward_set, config: Config,
    keep: Callable[[Rollout], None], place: Place,
) -> None:  # fmt: skip
    """Steps place.start+1 ... config.steps of `grpo.train`, on the device the model is on.

    learner: with a LoRA model, or a plain one whose weights all learn. After each step `keep` is
    called with its `Rollout`, report included. To resume, `policy.restore` what `policy.state`
    saved in `keep`, and set `place.start`. Raises ValueError for what TRL cannot do (see
    `settings`).

    Several processes share the N completions in equal parts; the weights learn alike in all of
    them, and only the main one calls `keep`, with all N. Where the launcher shards the weights
    (FSDP2, ZeRO-3), `keep` must not read them, the learner's optimizer only says how to make the
    real one, and the trained weights are saved in folder/trl.
    """
    steps = range(place.start + 1, config.steps + 1)
    if not steps:
        return
    watch = Watch(pool, reward_set, config, keep, place)
    texts = [prompt(p, config.template) for step in steps for p in watch.problems(step)]
    width = max(map(len, learner.tokenizer(texts)["input_ids"])) + config.max_new
    with lent(learner.model):
        args = settings(learner.model, config, width, place)
        if sharded():  # then TRL must make the optimizer: one like ours
            (group,) = learner.optimizer.param_groups
            args.learning_rate, args.weight_decay = group["lr"], group["weight_decay"]
            (args.adam_beta1, args.adam_beta2), args.adam_epsilon = group["betas"], group["eps"]
        watch.trainer = Trainer(
            model=learner.model,
            reward_funcs=[watch.reward],
            args=args,
            train_dataset=Dataset.from_dict({"prompt": texts}),  # in memory: not cached on disk
            processing_class=learner.tokenizer,
            callbacks=[watch],
            # None: the scheduler of `common`
            optimizers=(None if sharded() else learner.optimizer, None),
        )
        train(watch.trainer, learner.model)
        if sharded():
            watch.trainer.save_model()
            wait()  # the main process writes


def settings(model, config: Config, width: int, place: Place) -> GRPOConfig:
    """`config` in TRL's words: every setting that differs from TRL's default, and why.

    width: the longest prompt plus max_new, in tokens. Raises ValueError for a loss or a truncation
    that TRL does not have, for "bnpo" in micro-batches, for a KL term without LoRA, for completions
    that are too long or do not divide among the processes, and for float16 weights that learn.
    """
    completions = config.prompts * config.group // config.updates  # of an update
    together = processes()
    _check(model, config, width, completions)
    rows = micro_rows(completions // together, width, config.micro_tokens)
    if config.objective.average == "micro" and rows < completions:
        way = "start one process" if together > 1 else f"set micro_tokens to {completions * width}"
        raise ValueError(
            "bnpo averages over the tokens of a micro-batch, so an update must be one: "
            f"{way} or take dapo"
        )
    parts = completions // together // rows
    server = vllm()
    return GRPOConfig(
        **common(model, place.folder, rows, parts),
        # what a step is
        max_steps=(config.steps - place.start) * config.updates,  # TRL counts updates
        num_generations=config.group,
        max_completion_length=config.max_new,
        steps_per_generation=parts * config.updates,  # so many micro-batches are one rollout
        shuffle_dataset=False,  # `curriculum` has chosen the order
        # the method
        loss_type=AVERAGES[config.objective.average],  # TRL's default is "dapo"
        importance_sampling_level=RATIOS[config.objective.ratio],
        epsilon=config.objective.clip_low,
        epsilon_high=config.objective.clip_high,
        scale_rewards=config.scale,
        beta=config.beta,
        use_bias_correction_kl=False,  # plain k3, as DeepSeek-R1 prints it
        temperature=config.temperature,
        # a vLLM server at this address samples; TRL's own mode shares the card
        use_vllm=bool(server),
        vllm_mode="server",
        vllm_server_base_url=server,
        max_grad_norm=config.max_grad_norm,
    )


def _check(model, config: Config, width: int, completions: int) -> None:
    """Raises ValueError for what TRL cannot do, as `settings` says."""
    positions = model.config.max_position_embeddings
    if width > positions:
        raise ValueError(
            f"prompt and completion ({width} tokens with max_new {config.max_new}) exceed the "
            f"model's {positions} positions: lower max_new"
        )
    objective = config.objective
    if objective.tau or objective.ratio not in RATIOS:
        raise ValueError(
            f"TRL has no loss {config.loss!r} with ratio {objective.ratio} and tau "
            f"{objective.tau}: take the own engine, or a ratio of {' or '.join(RATIOS)}"
        )
    if config.baseline != "group" or config.learn_from != "all" or config.gae is not None:
        raise ValueError(
            "TRL's GRPO compares a completion with its group's mean and learns from both signs: "
            "leave baseline, learn_from and gae out or take our engine"
        )
    if config.fresh_optimizer:
        raise ValueError(
            "TRL keeps its optimizer's moments: leave fresh_optimizer out or take our engine"
        )
    if config.truncate:
        raise ValueError(
            "TRL has no truncate for its own sampling: leave it out or take our engine"
        )
    if config.credit != "answer":
        raise ValueError("TRL gives one advantage an answer: leave credit out or take our engine")
    if config.reference_every:
        raise ValueError("TRL mixes a new reference: leave reference_every out or take our engine")
    if config.delay:
        raise ValueError("TRL has no late rewards: leave delay out or take our engine")
    if config.draw != "uniform" or config.piece:
        raise ValueError(
            "TRL draws problems in their order and samples completions whole: leave draw and piece "
            "out or take our engine"
        )
    if config.beta and not isinstance(model, PeftModel):
        raise ValueError(
            "a KL term needs LoRA, whose start is the reference: set beta to 0 or train LoRA"
        )
    if completions % processes():
        raise ValueError(
            f"{completions} completions an update make no {processes()} equal shares: "
            "start another number of processes or change prompts or group"
        )


class Watch(TrainerCallback):
    """The reward function TRL sees, and the callback that turns what it saw into `keep`."""

    def __init__(self, pool, reward_set, config: Config, keep, place: Place):
        self.pool, self.reward_set, self.config = pool, reward_set, config
        self.keep, self.start = keep, place.start
        self.report = dict.fromkeys(LOGGED, 0.0)

    def problems(self, step: int) -> list[Problem]:
        """The P problems of a step."""
        return curriculum.uniform(self.pool, self.config.prompts, self.config.seed, step)

    def on_step_begin(self, args, state, control, **kwargs):
        """Before every update; TRL samples at the first of a step. Its randomness is torch's."""
        self.step = self.start + state.global_step // self.config.updates + 1
        seed = self.config.seed + 1009 * rank()  # else two processes would sample one text twice
        torch.manual_seed(1_000_003 * seed + self.step)  # so a resumed run draws the same

    def reward(self, completions, **columns) -> list[float]:
        """The weighted total of this process's completions, out of `rollouts.rewarded` of those of
        all processes. So a reward may depend on the place in the batch.

        Rounded to 1/65536: then float32 has the exact mean of equal rewards, and their advantage
        is 0. Else eight rewards of 0.1 get 7e-5 each from TRL, and where no other group has a
        signal, Adam makes a whole step of it.
        """
        prompts, done = self.trainer.gathered()
        texts = done.texts(self.trainer.processing_class)
        sampled = Sampled(prompts[:: self.config.group], done, texts)
        problems = self.problems(self.step)
        self.roll = rollouts.rewarded(sampled, problems, self.reward_set, self.config, self.step)
        share = len(completions)
        mine = self.roll.rewards.flatten().tolist()[rank() * share : (rank() + 1) * share]
        return [round(total * 65536) / 65536 for total in mine]

    def on_log(self, args, state, control, logs, **kwargs):
        """After every update, and once more at the end of training without a loss."""
        if "loss" not in logs:
            return
        for name, key in LOGGED.items():
            self.report[name] += number(logs, key) / self.config.updates
        if state.global_step % self.config.updates:
            return
        report = self.report | {"logp_gap": self.trainer.logp_gap()}
        self.report = dict.fromkeys(LOGGED, 0.0)
        if rank():
            return
        batch = self.roll.batch
        report["update_tokens"] = sum(map(batch.size, range(len(batch.prompts))))
        report["skipped_groups"] = 0
        logged = self.trainer._logs["advantages"]  # TRL has no public place for them
        advantages = torch.tensor(logged).view_as(self.roll.rewards)
        self.keep(replace(self.roll, advantages=advantages, report=report))
