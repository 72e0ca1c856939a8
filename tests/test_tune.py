"""SFT and DPO through TRL: the tokens of the sampler, the losses worked out by hand, a resume to the bit."""

import math
import warnings
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from test_train import TOKENIZER, fresh

from r1lab import grpo, models, tasks, trl_engine
from r1lab.sampler import Sampler
from r1lab.trl_engine import Tuning

END = TOKENIZER.eos_token_id
PROMPTS = [tasks.prompt(p, "tiny") for p in tasks.problems("countdown", 6, seed=3)]
RIGHT = ["<answer>1+2</answer>", "12", "<think>3*4=12</think>", "7", "1+1+1+1+1+1", "no"]
WRONG = ["9", "<answer>5-1</answer>", "8 8 8 8", "4=4", "2", "<think>6"]
ANSWERS, CHOICES = (
    list(zip(PROMPTS, RIGHT, strict=True)),
    list(zip(PROMPTS, RIGHT, WRONG, strict=True)),
)
CONFIG = Tuning(steps=4, prompts=6, max_new=16, lr=1e-2, micro_tokens=10**6, seed=5)
WAYS = {"sft": (trl_engine.sft, ANSWERS), "dpo": (trl_engine.dpo, CHOICES)}


def run(way, model, folder, config=CONFIG, pairs=None, optimizer=None, start=0, record=None):
    """Trains; (step, pairs, report) of each step."""
    seen = []

    def keep(*fields):
        seen.append(fields)
        if record:
            record(*fields)

    teach, usual = WAYS[way]
    teach(model, TOKENIZER, usual if pairs is None else pairs, config, keep, folder,
          optimizer or grpo.make_optimizer(model, config), start)  # fmt: skip
    return seen


def logp(model, prompt: str, completion: str, max_new=CONFIG.max_new) -> torch.Tensor:
    """The log-probabilities of a completion's tokens, one text at a time, in plain torch."""
    asked = TOKENIZER(prompt)["input_ids"]
    written = (TOKENIZER(completion, add_special_tokens=False)["input_ids"] + [END])[:max_new]
    logits = model(torch.tensor([asked + written])).logits[0, len(asked) - 1 : -1]
    return logits.log_softmax(-1)[range(len(written)), written]


def sft_loss(model, pairs):
    return -torch.cat([logp(model, *pair) for pair in pairs]).mean()


def dpo_parts(model, pairs, beta):
    """(chosen, rejected): beta * log(policy / base) of each pair."""
    with torch.no_grad(), models.reference(model):
        base = [[logp(model, q, text).sum() for text in texts] for q, *texts in pairs]
    now = [[logp(model, q, text).sum() for text in texts] for q, *texts in pairs]
    return beta * (torch.stack([torch.stack(row) for row in now]) - torch.tensor(base)).T


def dpo_loss(model, pairs, beta=CONFIG.beta):
    chosen, rejected = dpo_parts(model, pairs, beta)
    return -F.logsigmoid(chosen - rejected).mean()


BY_HAND = {"sft": sft_loss, "dpo": dpo_loss}


@pytest.mark.parametrize(
    "micro_tokens", [10**6, 200, 1], ids=["one pass", "some", "one row a pass"]
)
@pytest.mark.parametrize(("way", "rank"), [("sft", 4), ("sft", 0), ("dpo", 4)])
def test_loss_and_step_are_those_worked_out_by_hand(way, rank, micro_tokens, tmp_path):
    """Loss, its gradient and its norm: one step of plain descent moves the weights by the gradient."""
    config = replace(CONFIG, steps=1, micro_tokens=micro_tokens)
    ours, theirs = fresh(rank).train(), fresh(rank)
    loss = BY_HAND[way](ours, WAYS[way][1])
    loss.backward()
    gradient = {name: p.grad for name, p in models.trainable(ours).items()}
    norm = torch.cat([g.flatten() for g in gradient.values()]).norm()
    scale = float((1.0 / (norm + 1e-6)).clamp(max=1.0))
    before = {name: p.detach().clone() for name, p in models.trainable(theirs).items()}
    optimizer = torch.optim.SGD(models.trainable(theirs).values(), lr=1.0)
    ((step, pairs, report),) = run(way, theirs, tmp_path, config, optimizer=optimizer)
    assert step == 1 and sorted(pairs) == sorted(WAYS[way][1])
    assert report["loss"] == pytest.approx(loss.item(), abs=1e-5)
    assert report["grad_norm"] == pytest.approx(norm.item(), rel=1e-4)
    for name, p in models.trainable(theirs).items():
        wanted = -scale * gradient[name]
        assert torch.allclose(
            p - before[name], wanted, atol=1e-4 * float(wanted.abs().max()) + 1e-7
        ), name


@pytest.mark.parametrize("way", WAYS)
def test_the_report_is_the_batchs_own(way, tmp_path):
    """Worked out by hand, before the step; micro-batches of the same number of rows each."""
    config, model = replace(CONFIG, steps=1, micro_tokens=200), fresh()
    with torch.no_grad():
        if way == "sft":
            loss = float(sft_loss(model, ANSWERS))
            wanted = {"loss": loss}
        else:
            chosen, rejected = dpo_parts(model, CHOICES, config.beta)
            wanted = {"chosen": float(chosen.mean()), "rejected": float(rejected.mean()),
                      "preferred": float((chosen > rejected).float().mean())}  # fmt: skip
    ((_, _, report),) = run(way, model, tmp_path, config)
    assert list(report) == list(trl_engine.TOLD[way]) and all(
        math.isfinite(v) for v in report.values()
    )
    for name, value in wanted.items():
        assert report[name] == pytest.approx(value, abs=1e-5), name


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("micro_tokens", [10**6, 1])
def test_the_tokens_are_the_samplers(way, micro_tokens, tmp_path, monkeypatch):
    """What goes through the model: the prompt as it is asked, the completion as it is written, its
    end token once, and labels on the completion alone."""
    seen = []
    trainer = trl_engine.SFTTrainer if way == "sft" else trl_engine._DPO
    compute = trainer.compute_loss

    def spy(self, model, inputs, *rest, **more):
        seen.append({k: v.clone() for k, v in inputs.items()})
        return compute(self, model, inputs, *rest, **more)

    monkeypatch.setattr(trainer, "compute_loss", spy)
    run(way, fresh(), tmp_path, replace(CONFIG, steps=1, micro_tokens=micro_tokens))
    found = []
    for batch in seen:
        for i, ids in enumerate(batch["input_ids"]):
            carries = (
                batch["completion_mask"][i].bool() if way == "dpo" else batch["labels"][i] != -100
            )
            assert way == "dpo" or torch.equal(batch["labels"][i][carries], ids[carries])
            real = ids[batch["attention_mask"][i].bool()].tolist()
            found.append((real[: len(real) - int(carries.sum())], ids[carries].tolist()))
    wanted = []
    for prompt, *texts in WAYS[way][1]:
        (asked,) = TOKENIZER([prompt])["input_ids"]
        wanted += [
            (asked, TOKENIZER(t, add_special_tokens=False)["input_ids"] + [END]) for t in texts
        ]
    assert sorted(found) == sorted(wanted)
    assert all(written.count(END) == 1 and written[-1] == END for _, written in found)


def test_a_sampled_answer_is_trained_as_it_was_sampled():
    """Finished or cut at the cap: the ids that come back from the text are the sampler's."""
    prompts = TOKENIZER(PROMPTS)["input_ids"]
    done = Sampler(models.load("rich")[0]).sample(
        prompts, 4, 32, END, torch.Generator().manual_seed(0)
    )
    sampled = [row[:n] for row, n in zip(done.ids.tolist(), done.lengths.tolist(), strict=True)]
    assert {row[-1] == END for row in sampled} == {True, False}
    pairs = [(PROMPTS[i // 4], text) for i, text in enumerate(done.texts(TOKENIZER))]
    ids = trl_engine._tokens(TOKENIZER, pairs, 32)
    assert [written for _, written in ids] == sampled
    assert [asked for asked, _ in ids] == [p for p in prompts for _ in range(4)]


def test_no_token_reaches_over_the_border(tmp_path):
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
    assert tokenizer("ab")["input_ids"] == [4, 2]
    assert trl_engine._tokens(tokenizer, [("a", "b", "ab")], 16) == [[[4, 0], [1, 3], [2, 3]]]
    assert trl_engine._tokens(tokenizer, [("a", "bbb")], 2) == [[[4, 0], [1, 1]]], (
        "cut at max_new: no end token"
    )


def test_padding_changes_nothing(tmp_path):
    """A batch whose rows differ much in length gives the loss of its rows one by one."""
    pairs = [(PROMPTS[0], "1"), (PROMPTS[0], "1+2" * 5)]
    loss = sft_loss(fresh(), pairs).item()
    ((_, _, report),) = run("sft", fresh(), tmp_path, replace(CONFIG, steps=1, prompts=2), pairs)
    assert report["loss"] == pytest.approx(loss, abs=1e-5)


@pytest.mark.parametrize("rank", [8, 0], ids=["lora", "all weights"])
def test_sft_teaches_an_answer(rank, tmp_path):
    """The same answer to every problem: LoRA on a base that can read, all weights of a random one."""
    model = models.prepare(models.load("rich")[0], rank) if rank else fresh(0)
    prompts = TOKENIZER(PROMPTS)["input_ids"]
    frozen = {n: p.detach().clone() for n, p in model.named_parameters() if not p.requires_grad}
    config = replace(CONFIG, steps=30, lr=1e-2)
    seen = [
        r["loss"] for _, _, r in run("sft", model, tmp_path, config, [(q, "12") for q in PROMPTS])
    ]
    assert seen[-1] < 0.1 < 1 < seen[0]
    done = Sampler(model).sample(prompts, 8, 16, END, torch.Generator().manual_seed(0))
    assert done.texts(TOKENIZER).count("12") > 40, "of 48"
    assert all(torch.equal(p, frozen[n]) for n, p in model.named_parameters() if n in frozen)


def test_dpo_moves_right_from_wrong(tmp_path):
    model = fresh()
    seen = [report for _, _, report in run("dpo", model, tmp_path, replace(CONFIG, steps=24))]
    assert seen[-1]["loss"] < 0.3 < seen[0]["loss"] and seen[-1]["preferred"] == 1
    with torch.no_grad():
        chosen, rejected = dpo_parts(model, CHOICES, CONFIG.beta)
    assert (chosen > rejected).all() and (chosen - rejected).mean() > 1


@pytest.mark.parametrize("way", WAYS)
def test_the_order_is_drawn_from_the_seed(way, tmp_path):
    config = replace(CONFIG, prompts=4)
    usual = WAYS[way][1]
    seen = run(way, fresh(), tmp_path, config)
    assert [step for step, _, _ in seen] == [1, 2, 3, 4]
    assert [pairs for _, pairs, _ in seen] == [
        grpo.draw(usual, config, step) for step in (1, 2, 3, 4)
    ]
    for step, pairs, report in seen[:1]:  # the model has seen just these
        assert report["loss"] == pytest.approx(BY_HAND[way](fresh(), pairs).item(), abs=1e-5), step


@pytest.mark.parametrize("way", WAYS)
def test_a_resumed_run_is_the_uninterrupted_run(way, tmp_path):
    """Also DPO's reference: the base, not the adapter that was resumed."""
    saved = {}

    def save(step, *_):
        saved[step] = grpo.state(model, optimizer)

    config = replace(CONFIG, prompts=4, micro_tokens=200)
    model = fresh()
    optimizer = grpo.make_optimizer(model, config)
    whole = run(way, model, tmp_path, config, optimizer=optimizer, record=save)
    last = grpo.state(model, optimizer)

    model = fresh()
    with torch.no_grad():  # other weights: everything must come from the saved state
        for p in models.trainable(model).values():
            p.add_(1.0)
    optimizer = grpo.make_optimizer(model, config)
    grpo.restore(model, optimizer, saved[2])
    assert run(way, model, tmp_path, config, optimizer=optimizer, start=2) == whole[2:]
    again = grpo.state(model, optimizer)
    assert all(torch.equal(last[k], again[k]) for k in last.keys() | again.keys())
    assert run(way, model, tmp_path, config, start=4) == []


@pytest.mark.parametrize("way", WAYS)
def test_the_model_comes_back_as_it_went_in_and_nothing_is_said(way, tmp_path, monkeypatch, capfd):
    home, folder = tmp_path / "home", tmp_path / "run"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home)
    model = fresh().eval()
    capfd.readouterr()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        run(way, model, folder, replace(CONFIG, steps=1))
    assert capfd.readouterr() == ("", "")
    assert not list(home.iterdir()) and [p.name for p in folder.rglob("*")] == ["trl"]
    assert not model.training and list(model.peft_config) == ["default"]
    assert "forward" not in vars(model) and "forward" not in vars(model.get_base_model())


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
    way, rank, change, pairs, sentence, tmp_path
):
    with pytest.raises(ValueError, match=sentence):
        run(way, fresh(rank), tmp_path, replace(CONFIG, **change), pairs)


def test_several_processes_and_float16_weights_are_refused(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="float16 weights"):
        run("sft", fresh(0).half(), tmp_path)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match="one process"):
        run("sft", fresh(), tmp_path)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("dtype", "device", "capability", "mixed"),
    [
        (torch.float32, "cuda", (9, 0), (False, False)),
        (torch.bfloat16, "cuda", (8, 0), (True, False)),
        (torch.bfloat16, "cuda", (7, 5), (False, False)),
        (torch.float16, "cuda", (7, 5), (False, True)),
        (torch.bfloat16, "cpu", None, (False, False)),
    ],
)
def test_the_precision_is_the_models(way, dtype, device, capability, mixed, tmp_path, monkeypatch):
    """Only what is handed to TRL: no card is needed."""
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    handed = {}
    monkeypatch.setattr(trl_engine, f"{way.upper()}Config", lambda **given: handed.update(given))
    monkeypatch.setattr(trl_engine, "_tune", lambda *_: None)
    model = fresh().to(dtype)
    for p in models.trainable(model).values():
        p.data = p.data.float()
    monkeypatch.setattr(type(model.get_base_model()), "device", torch.device(device))
    run(way, model, tmp_path, optimizer=object())
    assert (handed["bf16"], handed["fp16"]) == mixed and handed["use_cpu"] == (device == "cpu")
    assert (
        handed["per_device_train_batch_size"] * handed["gradient_accumulation_steps"]
        == CONFIG.prompts
    )


def test_a_pair_of_dpo_takes_the_room_of_two(tmp_path, monkeypatch):
    rows = {}
    monkeypatch.setattr(
        trl_engine,
        "_tune",
        lambda kind, args, *_: rows.update({kind: args.per_device_train_batch_size}),
    )
    pairs = [(PROMPTS[0], "1", "2")] * 8
    width = len(TOKENIZER(PROMPTS[0])["input_ids"]) + 2
    config = replace(CONFIG, prompts=8, micro_tokens=4 * width)
    run("sft", fresh(), tmp_path, config, [pair[:2] for pair in pairs], optimizer=object())
    run("dpo", fresh(), tmp_path, config, pairs, optimizer=object())
    assert rows == {trl_engine.SFTTrainer: 4, trl_engine._DPO: 2}
