"""The same batch into TRL's GRPOTrainer and into `losses`: same loss, gradient, advantages,
metrics.

TRL scores completions with its fused head on hand-made inputs; our side starts from the
plain logits of the same model, three updates after sampling, so that ratios are not 1.
"""

import copy
import logging
from dataclasses import replace

import pytest
import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from r1lab import losses
from r1lab.tiny_world.pretrain import wrap_tokenizer

trl = pytest.importorskip("trl")
datasets = pytest.importorskip("datasets")

P, G, PROMPT, T, CAP = 2, 4, 4, 7, 9  # prompts, group, padded lengths, max_completion_length
N = P * G
REWARDS = [0.0, 0.1, 1.1, 0.1, 1.0, 1.0, 0.0, 1.0]
LOSSES = {  # our name -> TRL's settings
    "grpo": {"loss_type": "grpo"},
    "dr_grpo": {"loss_type": "dr_grpo"},
    "dapo": {"loss_type": "dapo"},
    "bnpo": {"loss_type": "bnpo"},
    "gspo": {"loss_type": "grpo", "importance_sampling_level": "sequence"},
}
OBJECTIVES = {k: replace(losses.PUBLISHED[k], clip_low=0.1, clip_high=0.15) for k in LOSSES}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny random model on disk: TRL loads the reference model by name."""
    tokenizer = wrap_tokenizer()
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=48, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=64,
        initializer_range=0.3, bos_token_id=None, eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("tiny")
    Qwen2ForCausalLM(config).save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def trainer(folder, tmp_path_factory):
    """Makes a GRPOTrainer with a fresh copy of the tiny model."""
    logging.getLogger("transformers").setLevel(logging.ERROR)

    def make(**settings):
        config = trl.GRPOConfig(
            output_dir=str(tmp_path_factory.mktemp("out")), use_cpu=True, bf16=False,
            report_to=[], gradient_checkpointing=False, dataloader_pin_memory=False,
            save_strategy="no", disable_tqdm=True,
            num_generations=G, epsilon=0.1, epsilon_high=0.15,
            **{"per_device_train_batch_size": N, "max_completion_length": CAP, **settings},
        )  # fmt: skip
        made = trl.GRPOTrainer(
            model=Qwen2ForCausalLM.from_pretrained(folder),
            reward_funcs=lambda completions, **_: REWARDS[: len(completions)],
            args=config,
            train_dataset=datasets.Dataset.from_dict({"prompt": ["1+2=", "3*4="]}),
            processing_class=wrap_tokenizer(),
        )
        made.current_gradient_accumulation_steps = config.gradient_accumulation_steps
        made.model.train()
        return made

    return make


def batch():
    """Left-padded prompts and right-padded completions of 1 to T tokens, as TRL makes them."""
    g = torch.Generator().manual_seed(1)
    prompt_lengths = torch.tensor([4, 3, 2, 4, 1, 4, 3, 2])
    lengths = torch.tensor([7, 1, 4, 2, 6, 3, 5, 2])
    advantages = losses.group_advantages(torch.tensor(REWARDS).view(P, G)).flatten()
    return {
        "prompt_ids": torch.randint(3, 40, (N, PROMPT), generator=g),
        "prompt_mask": (torch.arange(PROMPT) >= PROMPT - prompt_lengths[:, None]).long(),
        "completion_ids": torch.randint(3, 40, (N, T), generator=g),
        "completion_mask": (torch.arange(T) < lengths[:, None]).long(),
        "advantages": advantages,
        "num_items_in_batch": lengths.sum(),
    }


def our_logits(model, inputs):
    ids = torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], 1)
    seen = torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], 1)
    return model(input_ids=ids, attention_mask=seen).logits[:, -T - 1 : -1]


def our_logps(model, inputs, temperature=1.0):
    return losses.token_logps(our_logits(model, inputs), inputs["completion_ids"], temperature)


def our_loss(logps, inputs, objective, divisor, beta=0.0, corrected=True):
    mask, old = inputs["completion_mask"], inputs["old_per_token_logps"]
    loss = losses.policy_loss(logps, old, inputs["advantages"], mask, objective, divisor)
    if beta:
        kl = losses.kl_k3(logps, inputs["ref_per_token_logps"])
        if corrected:
            kl = kl * losses.importance_ratio(logps, old, mask, objective.ratio)
        loss = loss + beta * losses.aggregate(kl, mask, objective.average, divisor)
    return loss


def gradients(model, loss):
    model.zero_grad()
    loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters()}


def compare(ours, theirs):
    """Loss to 1e-5, and the gradient of every parameter to 1e-4 of its largest entry."""
    assert abs(ours[0].item() - theirs[0].item()) < 1e-5
    assert ours[1].keys() == theirs[1].keys()
    for name, gradient in theirs[1].items():
        scale = gradient.abs().max()
        assert (ours[1][name] - gradient).abs().max() <= 1e-4 * scale + 1e-7, name
    assert max(x.abs().max() for x in theirs[1].values()) > 1e-3


def step(model, rate=0.001):
    with torch.no_grad():
        for p in model.parameters():
            p -= rate * p.grad / p.grad.abs().max().clamp(min=1e-12)


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize(
    ("beta", "corrected"),
    [(0.0, True), (0.04, True), (0.04, False)],
    ids=["no kl", "kl", "plain kl"],
)
def test_loss_and_gradients_agree_over_three_updates_of_one_rollout(trainer, kind, beta, corrected):
    theirs = trainer(beta=beta, use_bias_correction_kl=corrected, **LOSSES[kind])
    model, inputs = theirs.model, batch()
    with torch.no_grad():
        inputs["old_per_token_logps"] = our_logps(model, inputs)
        if beta:
            inputs["ref_per_token_logps"] = our_logps(theirs.ref_model, inputs)
    objective = OBJECTIVES[kind]
    divisor = losses.loss_divisor(inputs["completion_mask"], objective.average, CAP)
    fractions = []
    for _ in range(3):
        loss = theirs._compute_loss(model, inputs)
        logps = our_logps(model, inputs)
        ours = our_loss(logps, inputs, objective, divisor, beta, corrected)
        rest = inputs["old_per_token_logps"], inputs["advantages"], inputs["completion_mask"]
        fractions.append(losses.clip_fraction(logps, *rest, objective).item())
        logged = theirs._metrics["train"]["clip_ratio/region_mean"][-1]
        if objective.ratio == "token":  # elsewhere TRL counts completions
            assert abs(fractions[-1] - logged) < 1e-6
        compare((ours, gradients(model, ours)), (loss, gradients(model, loss)))
        step(model)
    assert fractions[0] == 0 and fractions[-1] > 0.1


@pytest.mark.parametrize("kind", LOSSES)
def test_two_micro_batches_agree(trainer, kind):
    theirs = trainer(
        gradient_accumulation_steps=2, per_device_train_batch_size=N // 2, **LOSSES[kind]
    )
    model, inputs = theirs.model, batch()
    noise = 0.2 * torch.randn(N, T, generator=torch.Generator().manual_seed(2))
    inputs["old_per_token_logps"] = our_logps(model, inputs).detach() + noise
    objective = OBJECTIVES[kind]
    divisor = losses.loss_divisor(inputs["completion_mask"], objective.average, CAP)
    for rows in (slice(0, N // 2), slice(N // 2, N)):
        part = {k: v[rows] if v.dim() else v for k, v in inputs.items()}
        loss = theirs._compute_loss(model, part)
        ours = our_loss(our_logps(model, part), part, objective, divisor)
        compare((ours, gradients(model, ours)), (loss, gradients(model, loss)))


@pytest.mark.parametrize(("level", "ratio"), [("token", "token"), ("sequence", "geometric")])
@pytest.mark.parametrize("kind", ["grpo", "dr_grpo", "dapo", "bnpo"])
def test_weights_for_another_sampler_agree_with_either_ratio(trainer, kind, level, ratio):
    """TRL's sampler is vLLM then; here its log-probabilities are the policy's and some noise."""
    theirs = trainer(loss_type=kind, importance_sampling_level=level)
    theirs.use_vllm = True
    model, inputs = theirs.model, batch()
    noise = torch.randn(2, N, T, generator=torch.Generator().manual_seed(3))
    old = inputs["old_per_token_logps"] = our_logps(model, inputs).detach() + 0.1 * noise[0]
    mask = inputs["completion_mask"]
    weights = losses.truncated_weights(old, old + 0.5 * noise[1], mask, 1.2)
    assert (weights == 1.2).sum() > 5 and (weights < 1).sum() > 5
    loss = theirs._compute_loss(model, inputs | {"importance_sampling_ratio": weights})
    weighted = inputs | {"advantages": inputs["advantages"][:, None] * weights}
    objective = replace(OBJECTIVES[kind], ratio=ratio)
    divisor = losses.loss_divisor(mask, objective.average, CAP)
    ours = our_loss(our_logps(model, inputs), weighted, objective, divisor)
    compare((ours, gradients(model, ours)), (loss, gradients(model, loss)))


def test_trls_dapo_divides_a_step_by_the_mean_number_of_tokens_of_the_rollouts_steps(trainer):
    theirs = trainer(steps_per_generation=2, per_device_train_batch_size=N // 2, loss_type="dapo")
    model, inputs = theirs.model, batch()
    first = {k: v[: N // 2] if v.dim() else v for k, v in inputs.items()}
    first["old_per_token_logps"] = our_logps(model, first).detach()
    assert first["completion_mask"].sum() != inputs["completion_mask"].sum() / 2
    loss = theirs._compute_loss(model, first)
    total = inputs["completion_mask"].sum() / 2
    ours = our_loss(our_logps(model, first), first, OBJECTIVES["dapo"], total)
    compare((ours, gradients(model, ours)), (loss, gradients(model, loss)))


def test_temperature_and_entropy_agree(trainer):
    theirs = trainer(temperature=0.7, loss_type="grpo")
    model, inputs = theirs.model, batch()
    inputs["old_per_token_logps"] = our_logps(model, inputs, 0.7).detach()
    loss = theirs._compute_loss(model, inputs)
    ours = our_loss(our_logps(model, inputs, 0.7), inputs, OBJECTIVES["grpo"], None)
    compare((ours, gradients(model, ours)), (loss, gradients(model, loss)))
    entropy = losses.aggregate(
        losses.entropy(our_logits(model, inputs) / 0.7), inputs["completion_mask"], "step"
    )
    assert abs(theirs._metrics["train"]["entropy"][-1] - entropy.item()) < 1e-5


def test_on_policy_trl_leaves_the_old_logps_out_and_so_may_we(trainer):
    theirs = trainer(loss_type="grpo")
    inputs = batch()
    loss = theirs._compute_loss(theirs.model, inputs)
    logps = our_logps(theirs.model, inputs)
    ours = losses.policy_loss(logps, logps, inputs["advantages"], inputs["completion_mask"])
    compare((ours, gradients(theirs.model, ours)), (loss, gradients(theirs.model, loss)))


@pytest.mark.parametrize("scale", ["group", "batch", "none"])
def test_advantages_agree(trainer, scale):
    """Through TRL's own sampling and scoring, with the rewards above."""
    theirs = trainer(scale_rewards=scale, max_completion_length=2)
    rows = [{"prompt": text} for text in ("1+2=", "3*4=") for _ in range(G)]
    output = theirs._generate_and_score_completions(copy.deepcopy(rows))
    ours = losses.group_advantages(torch.tensor(REWARDS).view(P, G), scale).flatten()
    assert (output["advantages"] - ours).abs().max() < 1e-6
