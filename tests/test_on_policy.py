"""On-policy distillation: its gradient is that of the reverse KL, its student comes to its teacher."""

import pytest
import torch
from helpers import prepared, words

from r1lab import grpo, on_policy, policy, rollouts, tasks
from r1lab.sampler import Completions


def test_a_token_is_worth_what_the_teacher_has_over_the_student():
    student = torch.log(torch.tensor([[0.5, 0.1, 0.9]]))
    teacher = torch.log(torch.tensor([[0.25, 0.4, 0.1]]))
    found = on_policy.token_advantages(student, teacher, torch.tensor([[True, True, False]]))
    wanted = torch.log(torch.tensor([0.5, 4.0, 1.0]))
    torch.testing.assert_close(found[0], wanted)


def test_the_expected_gradient_is_that_of_the_reverse_kl():
    """Completions of one token, weighed by how likely they are: against the gradient of the KL,
    computed from the whole distributions."""
    learner = policy.learner(prepared(rank=2), words(), 1e-3)
    teacher = prepared(rank=2, seed=5)
    prompt = words()(tasks.tiny_prompt(tasks.problems("countdown", 1, 0, "train")[0]))["input_ids"]
    ids = torch.tensor([prompt])
    logits = [model(input_ids=ids).logits[0, -1] for model in (learner.model, teacher)]
    p, q = (torch.log_softmax(one, -1) for one in logits)
    learning = policy.trainable(learner.model)
    exact = torch.autograd.grad((p.exp() * (p - q.detach())).sum(), list(learning.values()))

    total = [torch.zeros_like(one) for one in exact]
    config = grpo.Config(prompts=1, group=2, max_grad_norm=1e9, template="tiny")
    for token, share in enumerate(p.exp().tolist()):
        one = torch.tensor([1])
        done = Completions(one[None] * token, one[None] * 0.0, lengths=one, ended=one > 0)
        sampled = rollouts.Sampled([prompt], done, ["?"])
        for part, value in zip(total, _gradient(learner, teacher, sampled, config), strict=True):
            part += share * value
    for found, wanted in zip(total, exact, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-6)


def _gradient(learner, teacher, sampled, config):
    """What an update would have followed; the weights stay."""
    kept = {}

    class Still:
        def step(self):
            kept.update({k: v.grad.clone() for k, v in policy.trainable(learner.model).items()})

        def zero_grad(self, set_to_none=True):
            pass

    still = policy.Learner(learner.model, learner.tokenizer, Still())
    on_policy.update(still, teacher, sampled, config)
    return kept.values()


def test_the_highest_scores_are_kept_and_padding_never():
    scores = torch.tensor([[3.0, 1.0, 9.0], [2.0, 5.0, 4.0]])
    mask = torch.tensor([[True, True, False], [True, True, True]])
    wanted = torch.tensor([[False, False, False], [False, True, True]])
    assert torch.equal(on_policy.highest(scores, mask, 0.4), wanted)
    assert int(on_policy.highest(scores, mask, 0.01).sum()) == 1


@pytest.mark.slow
def test_a_student_comes_nearer_to_its_teacher_and_repeats_itself():
    def run():
        learner = policy.learner(prepared(rank=4), words(), 2e-2)
        pool = tasks.problems("countdown", 32, 0, "train")
        config = grpo.Config(steps=12, prompts=8, group=2, max_new=16, lr=2e-2, template="tiny")
        return list(on_policy.train(learner, prepared(rank=4, seed=7), pool, config))

    steps = run()
    kl = [step.report["reverse_kl"] for step in steps]
    assert [s.step for s in steps] == list(range(1, 13)) and all(s.report["tokens"] for s in steps)
    assert sum(kl[-3:]) < 0.6 * sum(kl[:3])
    again = run()
    assert [s.report for s in again] == [s.report for s in steps]


def test_tokens_that_count_nothing_teach_nothing():
    learner = policy.learner(prepared(rank=4), words(), 2e-2)
    before = policy.state(learner)
    pool = tasks.problems("countdown", 8, 0, "train")
    config = grpo.Config(steps=1, prompts=4, group=2, max_new=16, lr=2e-2, template="tiny")
    given = learner, prepared(rank=4, seed=7), pool, config
    list(on_policy.train(*given, weigh=lambda student, teacher, mask: mask * 0.0))
    after = policy.state(learner)
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    list(on_policy.train(*given))
    assert not all(torch.equal(policy.state(learner)[k], tensor) for k, tensor in before.items())
