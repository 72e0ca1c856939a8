"""SFT and DPO through TRL: learning from pairs that are there before training begins.

TRL's micro-batches are of equal numbers of pairs, and DPO's "chosen", "rejected" and "preferred"
are means over them; a pair of DPO takes the room of two rows of its longest one.
"""

from collections.abc import Callable

from datasets import Dataset
from transformers import TrainerCallback
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

from r1lab import curriculum
from r1lab import dpo as own_dpo
from r1lab import sft as own_sft
from r1lab.machine.environment import processes
from r1lab.policy import Learner, Update
from r1lab.records import Place
from r1lab.sft import Config, tokens
from r1lab.trl_engine.common import common, lent, micro_rows, number, train

SFT = {"loss": "loss", "grad_norm": "grad_norm", "entropy": "entropy",
       "likeliest": "mean_token_accuracy"}  # fmt: skip
DPO = {"loss": "loss", "grad_norm": "grad_norm", "chosen": "rewards/chosen",
       "rejected": "rewards/rejected", "preferred": "rewards/accuracies"}  # fmt: skip


def sft(
    learner: Learner, pairs, config: own_sft.Config, keep: Callable[[Update], None], place: Place
) -> None:
    """Steps place.start+1 ... config.steps of `sft.train`; `keep` is called after each.

    The report has two numbers more: entropy, in nats a token, and likeliest, the share of tokens
    that were the model's first choice. Raises ValueError as `sft.tokens` does and for what cannot
    be trained (see `settings`).
    """
    examples = tokens(learner, pairs, config.max_new)
    rows = [{"input_ids": p + c, "labels": [-100] * len(p) + c} for p, c in examples]  # no loss
    with lent(learner.model):
        # the rows are tokens already: no preparation
        given = settings(learner, config, examples, place)
        args = SFTConfig(**given, dataset_kwargs={"skip_prepare_dataset": True})
        tell = Tell(SFT, examples, config, keep, place)
        tune(SFTTrainer, args, learner, rows, tell)


def dpo(
    learner: Learner, pairs, config: own_dpo.Config, keep: Callable[[Update], None], place: Place
) -> None:
    """Steps place.start+1 ... config.steps of `dpo.train`; `keep` is called after each.

    Raises ValueError as `dpo.train` does and for what cannot be trained (see `settings`).
    """
    own_dpo.check(learner)
    examples = tokens(learner, pairs, config.max_new)
    rows = [{"prompt_ids": p, "chosen_ids": c, "rejected_ids": r} for p, c, r in examples]
    with lent(learner.model):
        args = DPOConfig(**settings(learner, config, examples, place), beta=config.beta)
        tell = Tell(DPO, examples, config, keep, place)
        tune(Preferences, args, learner, rows, tell)


def settings(learner: Learner, config: Config, examples, place: Place) -> dict:
    """`config` in TRL's words, as far as SFT and DPO share them. Raises ValueError for several
    processes and for float16 weights that learn."""
    if processes() > 1:
        raise ValueError("SFT and DPO run on one process: start them without a launcher")
    longest = max(len(prompt) + max(map(len, written)) for prompt, *written in examples)
    rows = micro_rows(config.prompts, longest * (len(examples[0]) - 1), config.micro_tokens)
    return common(learner.model, place.folder, rows, config.prompts // rows) | {
        "max_steps": config.steps - place.start,
        "max_grad_norm": config.max_grad_norm,
        "train_sampling_strategy": "sequential",  # `curriculum` has chosen the order
        "max_length": None,  # TRL's default cuts at 1024 tokens, prompt and all; `max_new` has cut
    }


def tune(kind, args, learner: Learner, rows: list[dict], tell: "Tell") -> None:
    """Train a trainer of that kind on the rows, drawn as the examples are."""
    config = tell.config
    steps = range(tell.start + 1, config.steps + 1)
    if not steps:
        return
    drawn = [
        row for step in steps for row in curriculum.uniform(rows, config.prompts, config.seed, step)
    ]
    trainer = kind(
        model=learner.model,
        args=args,
        train_dataset=Dataset.from_list(drawn),  # in memory: nothing is cached on disk
        processing_class=learner.tokenizer,
        callbacks=[tell],
        optimizers=(learner.optimizer, None),  # None: the scheduler of `common`
    )
    train(trainer, learner.model)


class Preferences(DPOTrainer):
    """TRL's, on rows that are tokens already: it knows no setting for that, as SFT does."""

    def _prepare_dataset(self, dataset, *_):
        return dataset


class Tell(TrainerCallback):
    """Turns what TRL logs after an update into `keep`. told: our name -> TRL's."""

    def __init__(self, told: dict[str, str], examples, config: Config, keep, place: Place):
        self.told, self.examples, self.config = told, examples, config
        self.keep, self.start = keep, place.start

    def on_log(self, args, state, control, logs, **kwargs):
        """After every update, and once more at the end of training without a loss."""
        if "loss" not in logs:
            return
        config = self.config
        step = self.start + state.global_step
        drawn = curriculum.uniform(self.examples, config.prompts, config.seed, step)
        batch = own_sft.batch_of(drawn)
        report = {name: number(logs, key) for name, key in self.told.items()}
        report["update_tokens"] = sum(map(batch.size, range(len(batch.prompts))))
        self.keep(Update(step, report))
