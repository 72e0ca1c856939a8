"""Imports go only downward, and only `train` knows TRL."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "r1lab"
LAYERS = {
    0: {"presets", "tasks", "verify", "losses", "runs", "stats", "captured", "completions", "alarms"},
    1: {"rewards", "models", "plots", "world", "colab"},
    2: {"sampling", "pretrain", "fetch"},
    3: {"evaluate", "reflection", "grpo", "memory"},
    4: {"train", "preflight"},
    5: {"experiments", "card", "bench"},
    6: {"widgets", "checks", "__main__"},
}
LAYER = {name: layer for layer, names in LAYERS.items() for name in names}
FILES = sorted(PACKAGE.rglob("*.py"))


def module(path: Path) -> str:
    """The name that has a layer: the file's, or the sub-package it lies in."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path):
    """(package, r1lab module or None) of every import of a file, those inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.split(".")[0], (alias.name.split(".") + [None])[1]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            parts = node.module.split(".")
            if parts == ["r1lab"]:
                yield from (("r1lab", alias.name) for alias in node.names)
            else:
                yield parts[0], (parts + [None])[1]


def test_every_file_has_a_layer():
    assert {module(p) for p in FILES} - {"__init__"} == set(LAYER)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_downward(path):
    if module(path) == "__init__":
        return
    for package, target in imported(path):
        if package == "r1lab":
            below = LAYER[target] < LAYER[module(path)] or target == module(path)  # its own sub-package
            assert below, f"{path.name} imports {target}, which is not below it"


def test_only_train_imports_trl():
    assert [p.name for p in FILES if "trl" in {package for package, _ in imported(p)}] == ["train.py"]


def test_no_file_evaluates_text():
    for path in FILES:
        calls = {n.func.id for n in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                 if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}  # fmt: skip
        assert not calls & {"eval", "exec", "compile", "__import__"}, path.name
