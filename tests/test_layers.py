"""Imports go only downward, inside folders too, and only `trl_engine` knows TRL."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "r1lab"
LAYERS = [  # from the lowest; a file imports files of lower lines alone
    "losses.tokens losses.advantages losses.policy",
    "losses.tuning",
    "machine machine.presets losses stats sampler.captured sampler.completions running tiny_world speed",
    "userfile tasks.problem tasks.reading",
    "tasks.task thoughts",
    "tasks.countdown tasks.arithmetic tasks.gsm8k",
    "tasks.names",
    "tasks.templates",
    "tasks records running.alarms",
    "verify machine.colab models plots",
    "rewards sampler.sampling models.fetch tiny_world.corpus",
    "sampler evaluate reflection tiny_world.pretrain",
    "grpo preflight.memory tiny_world.report",
    "trl_engine preflight",
    "speed.bench experiments experiments.r1_zero_and_the_aha_moment",
    "experiments.own_answers",
    "checks.exercise widgets.live",
    "checks.lesson_00 checks.lesson_02 checks.lesson_04 widgets.rollouts widgets.playground",
    "checks widgets.dashboard",
    "widgets",
    "__main__",
]
LAYER = {name: height for height, names in enumerate(LAYERS) for name in names.split()}
FILES = sorted(p for p in PACKAGE.rglob("*.py") if p != PACKAGE / "__init__.py")


def module(path: Path) -> str:
    """The file's name inside the package, with dots; a folder's `__init__` is the folder."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module(path) for path in FILES}


def imported(path: Path):
    """(package, module of r1lab or None) of every import of a file, those inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                package, _, inside = alias.name.partition(".")
                yield package, inside or None
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            package, _, inside = node.module.partition(".")
            for alias in node.names:
                deeper = f"{inside}.{alias.name}".lstrip(".")
                yield package, deeper if deeper in MODULES else inside or None


def test_every_file_has_a_layer():
    assert set(LAYER) == MODULES


@pytest.mark.parametrize("path", FILES, ids=module)
def test_imports_go_downward(path):
    for package, target in imported(path):
        if package == "r1lab" and target:
            below = LAYER[target] < LAYER[module(path)]
            assert below, f"{module(path)} imports {target}, which is not below it"


def test_only_the_trl_engine_imports_trl():
    knows = {module(p) for p in FILES if "trl" in {package for package, _ in imported(p)}}
    assert {name.split(".")[0] for name in knows} == {"trl_engine"}


def test_no_file_evaluates_text():
    for path in FILES:
        calls = {n.func.id for n in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                 if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}  # fmt: skip
        assert not calls & {"eval", "exec", "compile", "__import__"}, path.name
