"""SFT and DPO, from scratch and through TRL: the losses worked out by hand, one step of both, that
they teach, and a resume to the bit."""

import json
import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from helpers import copies, fresh, pairs, plain_descent, prepared, prompts, seen, words

from r1lab import curriculum, dpo, models, policy, sft, trl_engine
from r1lab.sampler import Sampler
from r1lab.trl_engine import Place

pytestmark = pytest.mark.slow

TOKENIZER = words()
END = TOKENIZER.eos_token_id
PROMPTS = prompts()
PAIRS = {way: pairs(way) for way in ("sft", "dpo")}
OWN = {"sft": sft, "dpo": dpo}
CONFIG = {
    name: own.Config(steps=4, prompts=6, max_new=16, micro_tokens=10**6, seed=5)
    for name, own in OWN.items()
}
WAYS = [("sft", "own"), ("sft", "trl"), ("dpo", "own"), ("dpo", "trl")]
WITH_RANK = [*((*way, 4) for way in WAYS), ("sft", "own", 0), ("sft", "trl", 0)]
every_way = pytest.mark.parametrize(("way", "engine"), WAYS)
STEP = {"loss", "grad_norm", "update_tokens"}
REPORT = {
    ("sft", "own"): STEP,
    ("sft", "trl"): STEP | {"entropy", "likeliest"},
    ("dpo", "own"): STEP | {"chosen", "rejected", "preferred"},
    ("dpo", "trl"): STEP | {"chosen", "rejected", "preferred"},
}


def run(way, learner, place, config=None, material=None, record=None):
    """Trains; the Update of each step. way: (algorithm, engine); place: a Place or a folder."""
    name, engine = way
    material = PAIRS[name] if material is None else material
    config = config or CONFIG[name]

    def train(place, keep):
        if engine == "trl":
            return getattr(trl_engine, name)(learner, material, config, keep, place)
        for update in OWN[name].train(learner, material, config, place.start):
            keep(update)

    return seen(train, place, record)


def logp(model, prompt: str, completion: str, max_new=16) -> torch.Tensor:
    """The log-probabilities of a completion's tokens, one text at a time, in plain torch."""
    asked = TOKENIZER(prompt)["input_ids"]
    written = (TOKENIZER(completion, add_special_tokens=False)["input_ids"] + [END])[:max_new]
    logits = model(torch.tensor([asked + written])).logits[0, len(asked) - 1 : -1]
    return logits.log_softmax(-1)[range(len(written)), written]


def sft_loss(model, pairs):
    return -torch.cat([logp(model, *pair) for pair in pairs]).mean()


def dpo_parts(model, pairs, beta=0.1):
    """(chosen, rejected): beta * log(policy / base) of each pair."""
    with torch.no_grad(), model.disable_adapter():
        base = [[logp(model, q, text).sum() for text in texts] for q, *texts in pairs]
    now = [[logp(model, q, text).sum() for text in texts] for q, *texts in pairs]
    return beta * (torch.stack([torch.stack(row) for row in now]) - torch.tensor(base)).T


def dpo_loss(model, pairs):
    chosen, rejected = dpo_parts(model, pairs)
    return -F.logsigmoid(chosen - rejected).mean()


BY_HAND = {"sft": sft_loss, "dpo": dpo_loss}


@pytest.mark.parametrize(
    "micro_tokens", [10**6, 200, 1], ids=["one pass", "some", "one row a pass"]
)
@pytest.mark.parametrize(("way", "engine", "rank"), WITH_RANK)
def test_loss_and_step_are_those_worked_out_by_hand(way, engine, rank, micro_tokens, tmp_path):
    """Loss, gradient and norm: one step of plain descent moves the weights by the gradient."""
    config = replace(CONFIG[way], steps=1, micro_tokens=micro_tokens)
    model, learner = prepared(rank).train(), plain_descent(rank)
    loss = BY_HAND[way](model, PAIRS[way])
    loss.backward()
    gradient = {name: p.grad for name, p in models.trainable(model).items()}
    norm = torch.cat([g.flatten() for g in gradient.values()]).norm()
    scale = float((1.0 / (norm + 1e-6)).clamp(max=1.0))
    before = copies(learner.model, True)
    (update,) = run((way, engine), learner, tmp_path, config)
    assert update.step == 1
    assert update.report["loss"] == pytest.approx(loss.item(), abs=1e-5)
    assert update.report["grad_norm"] == pytest.approx(norm.item(), rel=1e-4)
    for name, p in models.trainable(learner.model).items():
        wanted = -scale * gradient[name]
        assert torch.allclose(
            p - before[name], wanted, atol=1e-4 * float(wanted.abs().max()) + 1e-7
        ), name


@every_way
def test_the_report_is_the_batchs_own(way, engine, tmp_path):
    """Worked out by hand, before the step; in TRL micro-batches of the same number of rows each."""
    config, learner = replace(CONFIG[way], steps=1, micro_tokens=200), fresh()
    wanted = {
        "update_tokens": sum(
            len(TOKENIZER(q)["input_ids"]) + len(logp(learner.model, q, text))
            for q, *texts in PAIRS[way]
            for text in texts
        )
    }
    with torch.no_grad():
        if way == "sft":
            wanted["loss"] = float(sft_loss(learner.model, PAIRS[way]))
        else:
            chosen, rejected = dpo_parts(learner.model, PAIRS[way])
            wanted |= {"chosen": float(chosen.mean()), "rejected": float(rejected.mean()),
                       "preferred": float((chosen > rejected).float().mean())}  # fmt: skip
            assert 0 < wanted["preferred"] < 1, "the test needs pairs of both kinds"
    (update,) = run((way, engine), learner, tmp_path, config)
    assert set(update.report) == REPORT[way, engine]
    assert all(math.isfinite(v) for v in update.report.values())
    for name, value in wanted.items():
        assert update.report[name] == pytest.approx(value, abs=1e-5), name
    line = update.line()
    assert line["step"] == 1 and line["loss"] == round(update.report["loss"], 6)
    assert json.loads(json.dumps(line)) == line and update.group() is None


@pytest.mark.parametrize(("way", "rank"), [("sft", 4), ("sft", 0), ("dpo", 4)])
def test_both_engines_make_the_same_steps(way, rank, tmp_path):
    """Several, with the optimizer of a run, so that they start from one model only at the first."""
    config = replace(CONFIG[way], prompts=4, micro_tokens=300)
    ours, theirs = fresh(rank, lr=1e-3), fresh(rank, lr=1e-3)
    before = copies(ours.model, True)
    one = run((way, "own"), ours, tmp_path, config)
    other = run((way, "trl"), theirs, tmp_path, config)
    for a, b in zip(one, other, strict=True):
        assert a.step == b.step
        for key, value in a.report.items():
            assert b.report[key] == pytest.approx(value, rel=1e-3, abs=1e-4), key
    for name, p in copies(ours.model, True).items():
        most = float((p - before[name]).abs().max())
        assert most > 1e-3
        torch.testing.assert_close(p, copies(theirs.model, True)[name], atol=0.02 * most, rtol=0)


def test_a_sampled_answer_is_trained_as_it_was_sampled():
    """Finished or cut at the cap: the ids that come back from the text are the sampler's."""
    prompts = TOKENIZER(PROMPTS)["input_ids"]
    base, _ = models.load("rich")
    done = Sampler(base).sample(prompts, 4, 32, END, torch.Generator().manual_seed(0))
    sampled = [row[:n] for row, n in zip(done.ids.tolist(), done.lengths.tolist(), strict=True)]
    assert {row[-1] == END for row in sampled} == {True, False}
    pairs = [(PROMPTS[i // 4], text) for i, text in enumerate(done.texts(TOKENIZER))]
    ids = sft.tokens(policy.Learner(base, TOKENIZER, None), pairs, 32)
    assert [written for _, written in ids] == sampled
    assert [asked for asked, _ in ids] == [p for p in prompts for _ in range(4)]


def test_no_token_reaches_over_the_border():
    """As one text, a prompt's last token and a completion's first can be another token; and only a
    prompt begins with a start token."""
    from tokenizers import Tokenizer, decoders
    from tokenizers.models import BPE
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    merging = Tokenizer(BPE({"a": 0, "b": 1, "ab": 2, "<e>": 3, "<s>": 4}, [("a", "b")]))
    merging.decoder = decoders.Fuse()
    merging.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 4)])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=merging, eos_token="<e>", bos_token="<s>")
    learner = policy.Learner(prepared(), tokenizer, None)
    assert tokenizer("ab")["input_ids"] == [4, 2]
    assert sft.tokens(learner, [("a", "b", "ab")], 16) == [[[4, 0], [1, 3], [2, 3]]]
    assert sft.tokens(learner, [("a", "bbb")], 2) == [[[4, 0], [1, 1]]], (
        "cut at max_new: no end token"
    )


@pytest.mark.parametrize("engine", ["own", "trl"])
def test_padding_changes_nothing(engine, tmp_path):
    """A batch whose rows differ much in length gives the loss of its rows one by one."""
    pairs = [(PROMPTS[0], "1"), (PROMPTS[0], "1+2" * 5)]
    loss = sft_loss(prepared(), pairs).item()
    config = replace(CONFIG["sft"], steps=1, prompts=2)
    (update,) = run(("sft", engine), fresh(), tmp_path, config, pairs)
    assert update.report["loss"] == pytest.approx(loss, abs=1e-5)


@pytest.mark.parametrize("way", ["sft", "dpo"])
def test_what_is_padding_is_never_read(way):
    """Other tokens behind the end of a completion: the same step to the bit."""
    moved = []
    for filling in (0, 7):
        learner = plain_descent()
        batch = sft.batch_of(sft.tokens(learner, PAIRS[way], 16))
        assert not batch.mask.all()
        batch = replace(batch, ids=torch.where(batch.mask, batch.ids, filling))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sft, "batch_of", lambda _, batch=batch: batch)
            OWN[way].update(learner, PAIRS[way], CONFIG[way])
        moved.append(copies(learner.model, True))
    assert all(torch.equal(p, moved[1][name]) for name, p in moved[0].items())


def test_a_micro_batch_never_parts_a_pair():
    """However few tokens it may hold, its rows are chosen and rejected in turn."""
    seen = []
    logps = policy.logps

    def spy(model, batch, rows, temperature):
        seen.append(rows)
        return logps(model, batch, rows, temperature)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(policy, "logps", spy)
        for micro_tokens in (1, 200, 10**6):
            config = replace(CONFIG["dpo"], steps=1, micro_tokens=micro_tokens)
            list(dpo.train(fresh(), PAIRS["dpo"], config))
    assert {len(rows) for rows in seen} >= {2, 12}
    for rows in seen:
        assert rows[0::2] == [row - 1 for row in rows[1::2]]
        assert all(row % 2 == 0 for row in rows[0::2])


@pytest.mark.parametrize("engine", ["own", "trl"])
@pytest.mark.parametrize("rank", [8, 0], ids=["lora", "all weights"])
def test_sft_teaches_an_answer(rank, engine, tmp_path):
    """One answer to every problem: LoRA on a base that can read, all weights of a random one."""
    model = models.prepare(models.load("rich")[0], rank) if rank else prepared(0)
    learner = policy.learner(model, TOKENIZER, 1e-2)
    frozen = copies(model, False)
    config = replace(CONFIG["sft"], steps=30)
    seen = run(("sft", engine), learner, tmp_path, config, [(q, "12") for q in PROMPTS])
    assert seen[-1].report["loss"] < 0.1 < 1 < seen[0].report["loss"]
    prompts = TOKENIZER(PROMPTS)["input_ids"]
    done = Sampler(model).sample(prompts, 8, 16, END, torch.Generator().manual_seed(0))
    assert done.texts(TOKENIZER).count("12") > 40, "of 48"
    assert all(torch.equal(p, frozen[n]) for n, p in model.named_parameters() if n in frozen)


@pytest.mark.parametrize("engine", ["own", "trl"])
def test_dpo_moves_right_from_wrong(engine, tmp_path):
    learner = fresh()
    seen = [
        u.report for u in run(("dpo", engine), learner, tmp_path, replace(CONFIG["dpo"], steps=24))
    ]
    assert seen[-1]["loss"] < 0.3 < seen[0]["loss"] and seen[-1]["preferred"] == 1
    with torch.no_grad():
        chosen, rejected = dpo_parts(learner.model, PAIRS["dpo"])
    assert (chosen > rejected).all() and (chosen - rejected).mean() > 1


@every_way
def test_the_order_is_drawn_from_the_seed(way, engine, tmp_path):
    """A model that stands still: each step has the loss of the pairs that `curriculum` draws."""
    config = replace(CONFIG[way], prompts=4)
    seen = run((way, engine), fresh(lr=0.0), tmp_path, config)
    assert [u.step for u in seen] == [1, 2, 3, 4]
    wanted = [
        BY_HAND[way](prepared(), curriculum.uniform(PAIRS[way], 4, config.seed, step)).item()
        for step in (1, 2, 3, 4)
    ]
    assert min(abs(a - b) for a, b in zip(wanted, wanted[1:], strict=False)) > 1e-3
    assert [u.report["loss"] for u in seen] == pytest.approx(wanted, abs=1e-5)


@every_way
def test_a_resumed_run_is_the_uninterrupted_run(way, engine, tmp_path):
    """Also DPO's reference: the base, not the adapter that was resumed."""
    saved = {}

    def save(update):
        saved[update.step] = policy.state(learner)

    config = replace(CONFIG[way], prompts=4, micro_tokens=200)
    learner = fresh()
    whole = run((way, engine), learner, tmp_path, config, record=save)
    last = policy.state(learner)

    learner = fresh()
    with torch.no_grad():  # other weights: everything must come from the saved state
        for p in models.trainable(learner.model).values():
            p.add_(1.0)
    policy.restore(learner, saved[2])
    assert run((way, engine), learner, Place(tmp_path, 2), config) == whole[2:]
    again = policy.state(learner)
    assert all(torch.equal(last[k], again[k]) for k in last.keys() | again.keys())
    assert run((way, engine), learner, Place(tmp_path, 4), config) == []


@pytest.mark.parametrize("engine", ["own", "trl"])
@pytest.mark.parametrize(
    ("way", "rank", "change", "pairs", "sentence"),
    [
        ("sft", 4, {}, [], "no pair"),
        ("dpo", 4, {}, [], "no pair"),
        ("dpo", 0, {}, None, "DPO needs LoRA"),
        ("sft", 4, {"max_new": 300}, [(PROMPTS[0], "1" * 300)], "lower max_new"),
        ("dpo", 4, {"max_new": 300}, [(PROMPTS[0], "1", "1" * 300)], "lower max_new"),
    ],
)
def test_what_cannot_be_trained_is_said_before_it_starts(
    way, engine, rank, change, pairs, sentence, tmp_path
):
    with pytest.raises(ValueError, match=sentence):
        run((way, engine), fresh(rank), tmp_path, replace(CONFIG[way], **change), pairs)
