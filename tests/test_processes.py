"""Two real processes on the CPU are one run: same problems, loss and weights, one record.

The processes run this file too. What is sampled is given, a table by step: each process draws
its own random numbers, so only of the same completions must two processes make one update.
Launched with the files that TRL ships: DDP, and FSDP2, where no process has all the weights.
"""

import os
import random
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import trl
from accelerate import state
from accelerate.utils import DistributedType
from helpers import copies, fresh, prepared, share_of_digits, short, words
from safetensors.torch import load_file
from torch.distributed.tensor import DTensor

from r1lab import curriculum, grpo, models, policy, records, rewards, tasks, trl_engine
from r1lab.__main__ import main
from r1lab.machine import environment
from r1lab.trl_engine import Place, online

pytestmark = pytest.mark.slow

SHIPPED = Path(trl.__file__).parent / "accelerate_configs"
ENVIRONMENT = os.environ | {
    "PYTHONPATH": str(Path(__file__).resolve().parent.parent), "R1LAB_FAST": "1",
    "OMP_NUM_THREADS": "1",
    "MASTER_ADDR": "127.0.0.1", "GLOO_SOCKET_IFNAME": "lo",
}  # fmt: skip
TOKENIZER = words()
POOL = tasks.problems("countdown", 40, seed=3)
CONFIG = grpo.Config(steps=4, prompts=4, group=6, max_new=16, micro_tokens=300, seed=5)
THREE = (
    [short, share_of_digits, rewards.coin(1)],
    [1.0, 0.1, 0.5],
)  # the coin reads the place in the batch
# 3 groups of 6 in two processes: the second group lies in both. A process has 3 micro-batches.
FIXED = replace(CONFIG, steps=2, prompts=3, max_new=16, micro_tokens=150)
CASES = {
    "grpo, KL": replace(FIXED, beta=0.5),
    "dapo": replace(FIXED, loss="dapo"),
    "dr_grpo": replace(FIXED, loss="dr_grpo", scale="none"),
    "gspo over the batch, KL": replace(FIXED, loss="gspo", scale="batch", beta=0.5),
}
SAMPLED = replace(CONFIG, steps=1, prompts=1, group=12)  # one group, half of it in each process


def completions(config, step) -> list[list[int]]:
    """Token ids of all completions of a step, of many lengths, some ended."""
    draw = random.Random(step)
    texts = [
        draw.choices(range(3, 40), k=draw.randint(1, config.max_new))
        for _ in range(config.prompts * config.group)
    ]
    return [ids[:-1] + [TOKENIZER.eos_token_id] if draw.random() < 0.5 else ids for ids in texts]


def log_probabilities(config, step) -> list[list[float]]:
    """Of all tokens of `completions`: a sampler that is far from the trainer."""
    draw = random.Random(-step)
    return [[-draw.random() for _ in ids] for ids in completions(config, step)]


def given(config, prompts, trainer):
    """TRL samples nothing; this process gets its share of the table, and must have asked for it."""
    step, share = trainer.state.global_step + 1, len(prompts)
    mine = slice(environment.rank() * share, (environment.rank() + 1) * share)
    asked = [
        tasks.prompt(p, config.template)
        for p in curriculum.uniform(POOL, config.prompts, config.seed, step)
        for _ in range(config.group)
    ]
    assert prompts == asked[mine]
    return {
        "prompt_ids": TOKENIZER(prompts)["input_ids"],
        "completion_ids": completions(config, step)[mine],
        "logprobs": log_probabilities(config, step)[mine],
    }


def trained(learner, config, reward_set, folder) -> list:
    """The rollouts that were kept."""
    seen = []
    trl_engine.grpo(learner, POOL, reward_set, config, seen.append, Place(folder))
    return seen


def fixed(config, folder):
    """Trains on the table: what was kept, and the weights before and after."""
    model = prepared()
    before = copies(model, True)
    optimizer = torch.optim.AdamW(  # eps: so that no weight moves by the sign of a rounding error
        models.trainable(model).values(), lr=0.02, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRL_EXPERIMENTAL_SILENCE", "1")
        replay = partial(online.Trainer, rollout_func=partial(given, config))
        patch.setattr(online, "Trainer", replay)
        seen = trained(policy.Learner(model, TOKENIZER, optimizer), config, THREE, folder)
    if environment.sharded():
        assert all(isinstance(p, DTensor) for p in model.parameters())
        saved = load_file(folder / "trl" / "adapter_model.safetensors")
        return seen, before, {name: saved[name.replace(".default", "")] for name in before}
    return seen, before, {k: p.detach() for k, p in models.trainable(model).items()}


def everything(folder: Path) -> None:
    """What each of the processes does."""
    if environment.sharded():
        pretend_to_have_cards()
    found = {}
    for name, config in CASES.items():
        seen, _, after = fixed(config, folder / name)
        found[name] = seen, after
    found["sampled"] = trained(fresh(), SAMPLED, ([share_of_digits], [1.0]), folder / "sampled")
    command = ["run", "zero", "--engine", "trl", "--steps", "2", "--out", str(folder / "run")]
    found["codes"] = [main(command)]
    if not environment.sharded():
        trl_engine.wait()  # the other process still reads the summary
        if environment.rank() == 0:  # as if killed in the second step
            shutil.copytree(folder / "run", folder / "whole")
            (folder / "run" / "summary.json").unlink()
            (folder / "run" / records.NEWEST).unlink()
        trl_engine.wait()
        found["codes"] += [main([*command, "--resume"])]
    torch.save(found, folder / f"{environment.rank()}.pt")


def pretend_to_have_cards() -> None:
    """accelerate offers FSDP on cards alone; torch has it on the CPU too."""
    torch.distributed.init_process_group("gloo")
    state.PartialState._prepare_backend = lambda *_: ("gloo", DistributedType.MULTI_XPU)
    state.PartialState.set_device = lambda self: setattr(self, "device", torch.device("cpu"))


def launch(shipped: str, *arguments) -> subprocess.CompletedProcess:
    """`accelerate launch` of two processes that see this machine only. They end with the call."""
    command = [sys.executable, "-m", "accelerate.commands.launch",
               "--config_file", SHIPPED / f"{shipped}.yaml",
               "--num_processes", 2, "--main_process_port", 0, *arguments]  # fmt: skip
    process = subprocess.Popen(
        list(map(str, command)), env=ENVIRONMENT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        out, error = process.communicate(timeout=240)
    finally:
        if process.poll() is None:
            process.terminate()  # the launcher ends the processes, a kill would leave them
            process.wait(30)
    return subprocess.CompletedProcess(command, process.returncode, out, error)


@pytest.fixture(scope="module", params=["multi_gpu", "fsdp2"])
def both(request, tmp_path_factory):
    """What each of two processes found, by case: recorded steps, and weights after them."""
    folder = tmp_path_factory.mktemp("two")
    done = launch(request.param, __file__, folder)
    assert done.returncode == 0, done.stderr[-3000:]
    found = [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in (0, 1)]
    return SimpleNamespace(
        found=found, folder=folder, error=done.stderr, sharded=request.param == "fsdp2"
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_two_processes_make_the_update_of_one(name, both, tmp_path):
    config = CASES[name]
    one, before, after = fixed(config, tmp_path)
    two, after_two = both.found[0][name]
    assert [s.step for s in two] == [s.step for s in one] == [1, 2]
    for a, b in zip(one, two, strict=True):
        assert len(b.texts) == config.prompts * config.group
        assert all(
            getattr(a, k) == getattr(b, k) for k in ("problems", "texts", "verdicts", "parts")
        )
        assert a.sampled.prompts == b.sampled.prompts
        for name in ("ids", "logps", "lengths", "ended"):
            assert torch.equal(getattr(a.completions, name), getattr(b.completions, name))
        assert torch.equal(a.rewards, b.rewards) and torch.equal(a.advantages, b.advantages)
        assert abs(a.report["loss"]) > 1e-3, "nothing to compare"
        assert a.report["logp_gap"] > 1, "nothing to compare"
        for key in ("loss", "grad_norm", "logp_gap", "update_tokens"):
            assert b.report[key] == pytest.approx(a.report[key], abs=1e-5), key
    assert all((weight - before[key]).abs().max() > 1e-3 for key, weight in after.items())
    for key, weight in after.items():
        torch.testing.assert_close(after_two[key], weight, atol=1e-5, rtol=0)


@pytest.mark.slow
def test_both_processes_end_with_the_same_weights_and_one_of_them_records(both):
    for name in CASES:
        (seen, weights), (nothing, other) = both.found[0][name], both.found[1][name]
        assert seen and not nothing
        assert all(torch.equal(weight, other[key]) for key, weight in weights.items())


@pytest.mark.slow
def test_processes_sample_different_texts(both):
    (step,) = both.found[0]["sampled"]
    assert len(step.texts) == 12 and step.texts[:6] != step.texts[6:]
    assert 0 <= step.report["logp_gap"] < 1e-5


@pytest.mark.slow
def test_the_command_line_writes_one_record_and_resumes_it(both):
    folder, whole = both.folder / "run", both.folder / "whole"
    if both.sharded:  # it says that it cannot, and writes nothing
        assert [f["codes"] for f in both.found] == [[2], [2]] and not folder.exists()
        assert "launch it with DDP" in both.error
        return
    assert [f["codes"] for f in both.found] == [[0, 0], [0, 0]]
    found = records.load_run(whole)
    assert [m["step"] for m in found.metrics] == [t["step"] for t in found.timing] == [1, 2]
    assert [s["step"] for s in found.samples] == [1, 2] and found.config["processes"] == 2
    assert found.metrics[0]["tokens"] == pytest.approx(
        16 * found.metrics[0]["length"]
    )  # 4 problems x 4
    for name in ("metrics.jsonl", "samples.jsonl"):
        assert (folder / name).read_bytes() == (whole / name).read_bytes()
    assert records.load_run(folder).summary["after"] == found.summary["after"]


def test_the_own_engine_asks_for_the_other_one(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main(["run", "zero", "--out", str(tmp_path / "x")]) == 2
    assert (
        capsys.readouterr().err == "r1lab: the own engine runs on one process: add --engine trl\n"
    )
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("change", "number", "sentence"),
    [
        ({}, 7, "24 completions an update make no 7 equal shares"),
        ({"loss": "bnpo"}, 2, "start one process"),
    ],
)
def test_what_several_processes_cannot_do_is_said(change, number, sentence, monkeypatch, tmp_path):
    monkeypatch.setenv("WORLD_SIZE", str(number))
    with pytest.raises(ValueError, match=sentence):
        online.settings(prepared(), replace(CONFIG, **change), 40, Place(tmp_path))


def test_a_vllm_server_is_named_in_the_environment(monkeypatch, tmp_path):
    """The setting alone: vLLM is not installed here and has never run with this package."""
    assert not online.settings(prepared(), CONFIG, 40, Place(tmp_path)).use_vllm
    monkeypatch.setenv("R1LAB_VLLM", "http://127.0.0.1:8000")
    found = online.settings(prepared(), CONFIG, 40, Place(tmp_path))
    assert (found.use_vllm, found.vllm_mode) == (True, "server")
    assert found.vllm_server_base_url == "http://127.0.0.1:8000"


if __name__ == "__main__":
    everything(Path(sys.argv[1]))
