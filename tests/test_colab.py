"""Colab, as far as it can be played here: a lesson's own set-up cell beside a false Colab, with git
but no network."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import nbformat
import pytest

from r1lab import __main__, records
from r1lab.machine import colab

ROOT = Path(__file__).resolve().parent.parent
COLAB = {  # what a Colab machine brings
    "torch": "2.11.0+cu128", "transformers": "5.15.0", "peft": "0.20.0", "matplotlib": "3.10.0",
    "tqdm": "4.67.1", "ipywidgets": "7.7.1", "ipython": "7.34.0", "ipykernel": "6.17.1",
    "numpy": "2.1.3", "pandas": "2.2.3", "datasets": "4.0.0", "pyarrow": "18.1.0",
    "distro-info": "1.1build1",
}  # fmt: skip
COLAB |= {name: "98.0" for name in colab.requirements().keys() - COLAB.keys() - colab.LATER}
STAYS = {f"{name}=={COLAB[name]}" for name in COLAB.keys() - {"datasets", "pyarrow", "distro-info"}}
PIP = """import json, os, pathlib, shutil, sys
site, asked = pathlib.Path(__file__).parent.parent, sys.argv[5:]
held = pathlib.Path(sys.argv[4]).read_text().split()
with open(site / "pip.jsonl", "a") as log:
    log.write(json.dumps({"options": sys.argv[1:4], "asked": asked, "held": held}) + "\\n")
if os.environ.get("PIP_FAILS"):
    sys.exit(1)
for name in [one.split(">")[0] for one in asked] + ["pyarrow"] * ("trl>=1.16,<2" in asked):
    for old in site.glob(name + "-*"):
        shutil.rmtree(old)
    (site / f"{name}-99.0.dist-info").mkdir()
    (site / f"{name}-99.0.dist-info" / "METADATA").write_text(f"Name: {name}\\nVersion: 99.0\\n")
    (site / f"{name}-99.0.dist-info" / "top_level.txt").write_text(name)
"""
TORN = """#!/bin/sh
for folder; do :; done
mkdir -p "$folder/r1lab/machine" && touch "$folder/r1lab/machine/colab.py"
kill -9 $PPID
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """The repository that stands for the one on GitHub: this package and one tiny base."""
    folder = tmp_path_factory.mktemp("course")
    for part in ("r1lab", "data/models/rich"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("requirements.txt", "data/papers.json"):
        shutil.copy(ROOT / name, folder / name)
    for call in ("init -q", "add -A", "-c user.name=x -c user.email=x commit -q -m x"):
        subprocess.run(["git", *call.split()], cwd=folder, check=True)
    return folder


class Machine:
    """A fresh machine: an empty /content, Colab's packages and a pip that writes down what it is
    asked."""

    def __init__(self, folder, course, without=(), on_colab=True):
        self.content, self.site, self.on_colab = folder / "content", folder / "site", on_colab
        self.content.mkdir(parents=True)
        files = {"google/colab/__init__.py": "", "pip/__init__.py": "", "pip/__main__.py": PIP}
        for name in COLAB.keys() - set(without):
            files |= {f"{name}.py": ""} if name == "pyarrow" else {}
            about = f"{name}-{COLAB[name]}.dist-info"
            files |= {
                f"{about}/METADATA": f"Name: {name}\nVersion: {COLAB[name]}\n",
                f"{about}/top_level.txt": name,
            }
        for path, text in files.items():
            (self.site / path).parent.mkdir(parents=True, exist_ok=True)
            (self.site / path).write_text(text)
        cell = (
            nbformat.read(ROOT / "notebooks" / "00_start_here.ipynb", as_version=4).cells[1].source
        )
        for there, here in (("/content/", f"{self.content}/"), (address(cell), f"file://{course}")):
            assert cell.count(there) == 1
            cell = cell.replace(there, here)
        self.cell = cell

    def environment(self, **more):
        kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "R1LAB_RUNS")}
        return kept | {"PYTHONPATH": str(self.site), "PYTHONDONTWRITEBYTECODE": "1"} | more

    def command(self, after="", before="", packages="-S"):
        """`packages` -S hides what is installed here, so that only the false Colab's is there."""
        colab = "import google.colab\n" if self.on_colab else ""
        return [sys.executable, *packages.split(), "-c", f"{colab}{before}\n{self.cell}\n{after}"]

    def start(self, after="", before="", cwd=None, **environment):
        """The set-up cell in a new process; what comes out."""
        call, env = self.command(after, before), self.environment(**environment)
        return subprocess.run(
            call, cwd=cwd or self.content, env=env, capture_output=True, text=True, timeout=60
        )

    def git(self, script):
        """A PATH on which git is this script."""
        folder = self.site.parent / "bin"
        folder.mkdir(exist_ok=True)
        (folder / "git").write_text(script)
        (folder / "git").chmod(0o755)
        return f"{folder}{os.pathsep}{os.environ['PATH']}"

    def pip(self):
        log = self.site / "pip.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def address(cell):
    return next(line.split('"')[1] for line in cell.splitlines() if "https://" in line)


def test_a_fresh_machine_gets_a_clone_and_no_package_because_colab_has_them(tmp_path, course):
    colab = Machine(tmp_path, course)
    done = colab.start("print(r1lab.__file__, 'torch' in sys.modules)")
    assert not done.returncode and not done.stderr, done.stderr
    assert done.stdout.splitlines()[-1] == f"{colab.content}/r1lab/r1lab/__init__.py False"
    assert "drive.mount('/content/drive')" in done.stdout and len(done.stdout.splitlines()) == 2
    assert colab.pip() == [] and [p.name for p in colab.content.iterdir()] == ["r1lab"]


def test_only_what_is_missing_or_too_old_is_asked_for_and_a_restart_asks_for_nothing(
    tmp_path, course, monkeypatch
):
    monkeypatch.setitem(COLAB, "torchao", "0.10.0")
    colab = Machine(tmp_path, course, without=["peft", "tqdm"])
    done = colab.start()
    assert not done.returncode and done.stdout.startswith("Installing peft, torchao, tqdm.\n"), (
        done.stderr
    )
    (call,) = colab.pip()
    assert call["options"] == ["install", "-q", "-c"]
    assert call["asked"] == ["peft>=0.20", "torchao>=0.16,<0.19", "tqdm>=4.60"]
    assert set(call["held"]) == {one for one in STAYS if not one.startswith(("peft", "tqdm"))}
    done = colab.start(PATH=colab.git("#!/bin/sh\nexit 1\n"))
    assert not done.returncode and "Installing" not in done.stdout and len(colab.pip()) == 1


def test_trl_comes_when_asked_for_and_a_package_in_memory_that_it_replaced_wants_a_restart(
    tmp_path, course
):
    colab = Machine(tmp_path, course)
    ask = "r1lab.machine.colab.install('trl'); print('went on')"
    again = (
        f"import pyarrow\ntry:\n    {ask}\nexcept r1lab.machine.colab.Restart as told:\n    {ask}"
    )
    done = colab.start(again)
    assert "went on" not in done.stdout and done.stderr.count("Restart the runtime") == 2, (
        done.stderr
    )
    assert done.stderr.splitlines()[-1].endswith("already in memory (pyarrow).")
    (call,) = colab.pip()
    assert call["asked"] == ["trl>=1.16,<2"] and set(call["held"]) == STAYS
    assert "went on" in colab.start(ask, before="import pyarrow").stdout and len(colab.pip()) == 1
    (second := tmp_path / "second").mkdir()
    assert "went on" in Machine(second, course).start(ask).stdout  # nobody had imported it


def test_torch_is_never_replaced_and_a_pip_that_fails_is_one_sentence(
    tmp_path, course, monkeypatch
):
    monkeypatch.setitem(COLAB, "torch", "2.6.0+cu124")
    colab = Machine(tmp_path, course)
    done = colab.start(PIP_FAILS="1")
    (call,) = colab.pip()
    assert call["asked"] == ["torch>=2.9,<2.14"] and "torch==2.6.0+cu124" in call["held"]
    assert (
        "RuntimeError: pip cannot put torch>=2.9,<2.14 beside Colab's own"
        in done.stderr.splitlines()[-1]
    )


def test_a_clone_that_was_interrupted_is_made_again(tmp_path, course):
    colab = Machine(tmp_path, course)
    assert colab.start(PATH=colab.git(TORN)).returncode == -signal.SIGKILL
    assert [p.name for p in colab.content.iterdir()] == ["r1lab.part"]
    assert not colab.start().returncode
    assert (colab.content / "r1lab" / "requirements.txt").is_file()
    assert [p.name for p in colab.content.iterdir()] == ["r1lab"]


def test_on_any_other_machine_the_package_is_found_and_nothing_else_happens(tmp_path, course):
    other = Machine(tmp_path, course, without=COLAB, on_colab=False)
    done = other.start("print(r1lab.__file__)", cwd=ROOT / "notebooks")
    assert (done.stdout, done.stderr) == (f"{ROOT}/r1lab/__init__.py\n", "")
    assert other.pip() == [] and not list(other.content.iterdir())


def test_runs_go_to_drive_where_it_is_mounted_or_where_the_reader_says(
    tmp_path, monkeypatch, capsys
):
    drive = tmp_path / "MyDrive"
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    monkeypatch.setattr(colab, "install", lambda *names: None)
    monkeypatch.delenv("R1LAB_RUNS", raising=False)
    assert records.place("a", drive) == ROOT / "runs" / "a"
    assert "drive.mount('/content/drive')" in colab.kept(records.place("", drive))
    drive.mkdir()
    assert records.place("a", drive) == drive / "r1lab" / "runs" / "a"
    monkeypatch.setenv("R1LAB_RUNS", str(tmp_path / "mine"))
    assert records.place("a", drive) == tmp_path / "mine" / "a"
    colab.set_up()
    assert capsys.readouterr().out == f"Runs are kept in {tmp_path / 'mine'}.\n"


@pytest.mark.slow
def test_the_command_line_keeps_its_runs_in_the_same_place(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("R1LAB_RUNS", str(tmp_path))
    monkeypatch.setenv("R1LAB_FAST", "1")
    monkeypatch.chdir("/")
    assert __main__.main(["run", "zero", "--seed", "3", "--steps", "1", "--resume"]) == 0
    assert f"records go to {tmp_path / 'zero-rule-steps-1-s3'}" in capsys.readouterr().out
    assert records.finished(tmp_path / "zero-rule-steps-1-s3")


@pytest.mark.slow
def test_a_run_on_drive_goes_on_to_the_same_bytes_on_a_fresh_machine(tmp_path, course):
    """The set-up cell and a lesson's run, killed; that machine thrown away; both again on another
    one."""
    lesson = (
        "from r1lab import experiments, records\nfrom r1lab.running.run import run\n"
        "from r1lab.running.settings import Options\n"
        "chosen = Options(settings={'steps': 6})\n"
        "run(experiments.named('zero'), chosen, records.place('lesson'), resume=True)"
    )

    def machine(name):
        return Machine(tmp_path / name, course, without=COLAB)

    def process(on, drive):
        env = on.environment(R1LAB_RUNS=str(tmp_path / drive), R1LAB_FAST="1", OMP_NUM_THREADS="1")
        call = on.command(lesson, packages="")
        return subprocess.Popen(
            call, cwd=on.content, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def finish(started):
        said = started.communicate(timeout=300)[0].decode()
        assert started.returncode == 0, said

    finish(process(machine("one"), "whole"))
    first = machine("two")
    started, metrics = process(first, "drive"), tmp_path / "drive" / "lesson" / "metrics.jsonl"
    while not (metrics.exists() and metrics.read_bytes().count(b"\n") >= 2):
        assert started.poll() is None, started.communicate()[0].decode()
        time.sleep(0.01)
    started.kill()
    started.communicate()
    assert 2 <= metrics.read_bytes().count(b"\n") < 6, "killed too late to test anything"
    shutil.rmtree(first.content)
    finish(process(machine("three"), "drive"))
    one, two = (tmp_path / drive / "lesson" for drive in ("whole", "drive"))
    for name in ("config.json", "metrics.jsonl", "samples.jsonl"):
        assert (one / name).read_bytes() == (two / name).read_bytes()
    one, two = (json.loads((folder / "summary.json").read_text()) for folder in (one, two))
    assert (one["before"], one["after"]) == (two["before"], two["after"])
