"""The command line as a reader meets it: records, kill and resume, and one clear line for every mistake."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from helpers import RECORDS, one_line

from r1lab import experiments, records
from r1lab.__main__ import main
from r1lab.machine import memory, presets
from r1lab.running.arms import run_name
from r1lab.running.settings import Options

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = os.environ | {"R1LAB_FAST": "1", "OMP_NUM_THREADS": "1"}


def command(*arguments):
    return [sys.executable, "-m", "r1lab", *map(str, arguments)]


def cli(*arguments):
    return subprocess.run(
        command(*arguments), env=SETTINGS, capture_output=True, text=True, timeout=600
    )


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "run"
    done = cli("run", "zero", "--steps", 6, "--out", folder)
    assert done.returncode == 0, done.stderr
    return folder, done


def test_a_run_leaves_all_its_records(whole_run):
    folder, done = whole_run
    assert {p.name for p in folder.iterdir()} >= RECORDS
    summary = json.loads((folder / "summary.json").read_text())
    wanted = {
        "before",
        "after",
        "n",
        "steps",
        "seconds",
        "seed",
        "preset",
        "engine",
        "reward",
        "base",
    }
    assert wanted <= set(summary)
    for part in (summary["before"], summary["after"]):
        low, high = part["ci95"]
        assert 0 <= low <= part["accuracy"] <= high <= 1
    steps = [line["step"] for line in records.read_jsonl(folder / "metrics.jsonl")]
    assert steps == [1, 2, 3, 4, 5, 6]
    assert "gain" in done.stdout


def test_a_killed_and_resumed_run_has_the_same_metrics_to_the_byte(whole_run, tmp_path):
    folder = tmp_path / "run"
    arguments = command("run", "zero", "--steps", 6, "--out", folder)
    process = subprocess.Popen(
        arguments, env=SETTINGS, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    metrics = folder / "metrics.jsonl"
    deadline = time.monotonic() + 300
    while not (metrics.exists() and len(metrics.read_text().splitlines()) >= 2):
        assert process.poll() is None and time.monotonic() < deadline, (
            "the run ended before it could be killed"
        )
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(metrics.read_text().splitlines()) < 6, "killed too late to test anything"
    with metrics.open("a") as torn:
        torn.write('{"step": 5, "rew')  # what a kill in the middle of a line leaves
    done = cli("run", "zero", "--steps", 6, "--out", folder, "--resume")
    assert done.returncode == 0, done.stderr
    for name in ("metrics.jsonl", "samples.jsonl"):
        assert (folder / name).read_bytes() == (whole_run[0] / name).read_bytes()
    one, two = (json.loads((f / "summary.json").read_text()) for f in (folder, whole_run[0]))
    assert (one["before"], one["after"]) == (two["before"], two["after"])


def test_the_engine_of_trl_leaves_the_same_records(whole_run, tmp_path):
    folder = tmp_path / "trl"
    done = cli("run", "zero", "--engine", "trl", "--steps", 2, "--out", folder)
    assert done.returncode == 0, done.stderr
    ours, theirs = records.load_run(whole_run[0]), records.load_run(folder)
    assert theirs.summary["engine"] == "trl"
    assert theirs.summary["before"] == ours.summary["before"]
    assert [set(m) for m in theirs.metrics] == [set(m) for m in ours.metrics[:2]]


def files(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


def test_an_unknown_preset_is_named_with_the_known_ones(capsys, tmp_path):
    assert "choose one of auto, cpu" in one_line(
        capsys, "run", "zero", "--preset", "tpu", "--out", tmp_path / "x"
    )
    assert not (tmp_path / "x").exists()


def test_a_base_without_weights_names_the_command_that_brings_it(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("R1LAB_MODELS", str(tmp_path))
    assert "r1lab fetch smollm2" in one_line(
        capsys, "run", "zero", "--base", "smollm2", "--out", tmp_path / "x"
    )
    assert not (tmp_path / "x").exists()


def test_too_little_memory_is_refused_before_anything_is_written(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "left", lambda *_: 0.5)
    assert "GiB" in one_line(capsys, "run", "zero", "--out", tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_an_existing_run_is_not_overwritten(capsys, whole_run):
    before = files(whole_run[0])
    assert "--resume" in one_line(capsys, "run", "zero", "--steps", 6, "--out", whole_run[0])
    assert files(whole_run[0]) == before


def test_a_run_of_another_configuration_is_not_continued(capsys, whole_run):
    before = files(whole_run[0])
    assert "seed" in one_line(
        capsys, "run", "zero", "--steps", 6, "--seed", 1, "--out", whole_run[0], "--resume"
    )
    assert files(whole_run[0]) == before


def test_a_damaged_checkpoint_is_reported_and_kept(whole_run, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    for name, content in files(whole_run[0]).items():
        if name != "summary.json":
            (folder / name).write_bytes(content)
    checkpoint = folder / "checkpoint.safetensors"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    before = files(folder)
    done = cli("run", "zero", "--steps", 6, "--out", folder, "--resume")
    assert done.returncode == 2 and "checkpoint.safetensors" in done.stderr.splitlines()[-1]
    assert files(folder) == before


def test_an_output_folder_that_cannot_be_made_is_one_line(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    one_line(capsys, "run", "zero", "--out", tmp_path / "file" / "run")


def test_a_full_disk_is_one_line_and_keeps_what_was_saved(tmp_path):
    """A file size limit stands for the full disk: the checkpoint does not fit any more."""
    folder = tmp_path / "run"
    limited = (
        f"ulimit -f 64; exec {' '.join(command('run', 'zero', '--steps', 3, '--out', folder))}"
    )
    done = subprocess.run(
        ["bash", "-c", limited], env=SETTINGS, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines()[-1].startswith("r1lab: ")
    assert json.loads((folder / "config.json").read_text())["stages"][0]["steps"] == 3


@pytest.mark.parametrize("bad", [["--steps", "0"], ["--steps", "٣"], ["--lora-rank", "-1"]])
def test_bad_arguments_end_with_code_2(bad, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["run", "zero", *bad])
    assert stop.value.code == 2
    assert bad[0] in capsys.readouterr().err


def test_list_names_the_lessons_the_experiments_and_the_arms_of_one(capsys):
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        assert path.stem.split("_", 1)[1].replace("_", " ") in out
    assert len(out.splitlines()) < 48, "one screen"
    for one in experiments.every():
        assert f"  {one.name} " in out and one.about in out
    assert main(["list", "zero"]) == 0
    out = capsys.readouterr().out
    assert all(f"--arm {arm.name} " in out for arm in experiments.named("zero").arms)
    assert main(["list", "nothing"]) == 2


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no such user here")
def test_root_is_told_how_jupyterlab_starts(monkeypatch, capsys):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert main(["lab"]) == 2
    error = capsys.readouterr().err
    assert "--allow-root" in error and len(error.splitlines()) == 1


def test_recorded_prints_both_tables(capsys):
    assert main(["recorded"]) == 0
    out = capsys.readouterr().out
    assert "rule reward" in out and "[rich](" in out


def test_preflight_measures_this_machine():
    done = cli("preflight")
    assert done.returncode == 0, done.stderr
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line}
    assert "GiB of memory" in lines["free"] and set(presets.PRESETS) <= set(lines)
    assert re.search(r"fits; [\d.]+ min$", lines["cpu"])
    assert "needs an NVIDIA card" in lines["t4"] or torch.cuda.is_available()


def test_without_trl_its_engine_is_one_line(capsys, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "trl", None)
    assert "pip install trl" in one_line(
        capsys, "run", "zero", "--engine", "trl", "--out", tmp_path / "x"
    )
    assert not (tmp_path / "x").exists()


def test_without_a_command_it_says_where_to_begin(capsys):
    assert main([]) == 0
    out = capsys.readouterr().out
    assert "python -m r1lab run zero" in out and "python -m r1lab lab" in out


REWARDS = {
    "broken.py": "import nothing_of_this_name\n",
    "raises.py": "def reward(completions, **_):\n    raise KeyError('target')\n",
    "short.py": "def reward(completions, **_):\n    return [1.0]\n",
    "words.py": "def reward(completions, **_):\n    return ['good'] * len(completions)\n",
    "ints.py": "def reward(completions, **_):\n    return [len(c) % 2 for c in completions]\n",
}


@pytest.mark.parametrize(
    ("file", "words", "saved"),
    [
        ("broken.py:reward", "cannot be imported, it raises ModuleNotFoundError", False),
        ("absent.py:reward", "there is no file", False),
        ("ints.py:other", "has no function 'other'", False),
        ("ints.py", "write path.py:function", False),
        ("raises.py:reward", "raises KeyError", True),
        ("short.py:reward", "gave 1 values for 16 completions", True),
        ("words.py:reward", "not a finite number", True),
    ],
)
def test_a_reward_of_the_readers_own_that_fails_is_one_line(
    capsys, tmp_path, monkeypatch, file, words, saved
):
    """What fails at the first step is said then; the base's measurement is saved before."""
    monkeypatch.setenv("R1LAB_FAST", "1")
    for name, text in REWARDS.items():
        (tmp_path / name).write_text(text)
    out = tmp_path / "x"
    assert main(["run", "zero", "--reward", str(tmp_path / file), "--out", str(out)]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("r1lab: ") and words in error
    assert out.exists() == saved
    if saved:
        assert records.load_checkpoint(out)[0] == 0


def test_a_reward_of_the_readers_own_runs_and_its_digest_is_recorded(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("R1LAB_FAST", "1")
    (tmp_path / "ints.py").write_text(REWARDS["ints.py"])
    name = f"{tmp_path / 'ints.py'}:reward"
    chosen = ["zero", "--reward", name, "--steps", "1", "--set", "beta=0.01"]
    queue = ["record", *chosen, "--arm", "rule", "--seeds", "0", "--out", str(tmp_path / "all")]
    settings = {"beta": 0.01, "reward": name, "steps": 1}
    zero = experiments.named("zero")
    out = tmp_path / "all" / run_name(zero, Options("rule", None, 0, settings))
    arguments = ["run", *chosen, "--out", str(out)]
    assert main(arguments) == 0
    assert main(queue) == 0 and "0 runs to make" in capsys.readouterr().out
    config = records.load_config(out)
    digest = hashlib.sha256(REWARDS["ints.py"].encode()).hexdigest()
    assert config["files"] == {name: digest} and config["stages"][0]["beta"] == 0.01
    (tmp_path / "ints.py").write_text(REWARDS["ints.py"] + "# changed\n")
    assert main([*arguments, "--resume"]) == 2  # another reward, another run
    assert "files was" in capsys.readouterr().err.strip().splitlines()[-1]
    assert main(queue) == 2  # nor is it one that need not be made
    assert f"made with another {name}" in capsys.readouterr().err.strip().splitlines()[-1]


TASK = """from r1lab.tasks import Problem, Task

def judge(problem, answer):
    JUDGE

TASK = Task("double", question=lambda p: f"Double {p.numbers[0]}", judge=judge,
            draw=lambda rng, size: (lambda n: Problem("double", (n,), 2 * n))(rng.randint(1, 10**6)),
            tiny=lambda p, language: f"User: compute {p.numbers[0] % 90 + 10}*2.\\nAssistant: ")
"""


@pytest.mark.parametrize(
    ("judge", "words"),
    [
        ("return 'correct' if answer.strip() == str(problem.target) else 'wrong value'", ""),
        ("raise RuntimeError('no idea')", "judge raises RuntimeError: no idea"),
        ("return 'fine'", "fine"),
    ],
)
def test_a_task_of_the_readers_own_runs_or_says_what_is_wrong(
    capsys, tmp_path, monkeypatch, judge, words
):
    monkeypatch.setenv("R1LAB_FAST", "1")
    task = tmp_path / "double.py"
    task.write_text(TASK.replace("JUDGE", judge))
    out = tmp_path / "x"
    code = main(["run", "zero", "--task", str(task), "--steps", "1", "--out", str(out)])
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert code == (2 if words else 0), error
    if words:
        assert error.startswith("r1lab: ") and words in error and str(task) in error
    else:
        assert list(records.load_config(out)["files"]) == [str(task)]


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        (["betta=1"], "no setting 'betta'"),
        (["updates=many"], "whole number"),
        (["beta"], "KEY=VALUE"),
        (
            ["max_new=5000"],
            "tokens) and a completion (5000) exceed the model's 1024 positions: set",
        ),
        (["dtype=bf16"], "unknown dtype 'bf16'"),
        (["grpo.start=runs/nowhere"], "runs/nowhere: no such folder here"),
    ],
)
def test_a_setting_that_does_not_fit_is_one_line_and_writes_nothing(capsys, tmp_path, pairs, words):
    flags = [part for pair in pairs for part in ("--set", pair)]
    assert words in one_line(capsys, "run", "zero", *flags, "--out", tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_importing_the_package_lets_idle_threads_sleep():
    """Spinning threads made shared cores 10-40 times slower; a reader's own choice stays."""
    show = "import os, r1lab; print(os.environ['OMP_WAIT_POLICY'])"
    for own, wanted in ({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE"):
        env = {k: v for k, v in SETTINGS.items() if k != "OMP_WAIT_POLICY"} | own
        done = subprocess.run([sys.executable, "-c", show], env=env, capture_output=True, text=True)
        assert done.stdout.strip() == wanted, done.stderr
