"""What the environment says, and that nothing else reads it."""

import ast
from pathlib import Path

import pytest

from r1lab.machine import environment, presets

PACKAGE = Path(__file__).resolve().parent.parent / "r1lab"
FILES = sorted(PACKAGE.rglob("*.py"))
SETS = {"setdefault", "pop"}  # for another library


def reads(source: str) -> list[int]:
    """The lines that read a variable; setting one, or handing all to a child process, is no
    reading."""
    tree = ast.parse(source)
    allowed = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            called = node.value.func
            if isinstance(called, ast.Attribute) and called.attr in SETS:
                allowed.add(called.value)
        elif isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            allowed.add(node.value)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            allowed |= {node.left, node.right}
    found = []
    for node in ast.walk(tree):
        name = getattr(node, "attr", None) or getattr(node, "id", None)
        if name in ("environ", "environb", "getenv") and node not in allowed:
            found.append(node.lineno)
        if isinstance(node, ast.ImportFrom) and node.module == "os":
            found += [node.lineno for alias in node.names if "env" in alias.name]
    return found


@pytest.mark.parametrize(
    "path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)).removesuffix(".py")
)
def test_only_one_file_reads_it(path):
    if path.stem != "environment":
        assert not reads(path.read_text(encoding="utf-8"))


def test_reading_is_told_from_setting():
    for source in (
        "os.environ['A']", "x = os.environ.get('A')", "os.getenv('A')", "'A' in os.environ",
        "x = os.environ.pop('A')", "from os import environ", "dict(os.environ)",
    ):  # fmt: skip
        assert reads(source), source
    for source in (
        "os.environ['A'] = '1'", "os.environ.setdefault('A', '1')", "os.environ.pop('A', None)",
        "run(env=os.environ | {'A': '1'})", "del os.environ['A']",
    ):  # fmt: skip
        assert not reads(source), source


def test_without_a_launcher_there_is_one_process_and_it_writes(monkeypatch):
    for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK", "R1LAB_RUNS", "R1LAB_MODELS", "R1LAB_VLLM"):
        monkeypatch.delenv(name, raising=False)
    assert (environment.processes(), environment.rank(), environment.local_rank()) == (1, 0, 0)
    assert environment.runs() is environment.vllm() is None
    assert environment.fetched() == Path.home() / ".cache" / "r1lab"
    assert not environment.sharded()


def test_what_is_set_is_read_when_it_is_asked_for(monkeypatch, tmp_path):
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setenv("R1LAB_RUNS", str(tmp_path))
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "True")
    assert (environment.processes(), environment.rank(), environment.local_rank()) == (4, 3, 1)
    assert environment.runs() == tmp_path and environment.sharded()


def test_fast_mode_makes_every_preset_small(monkeypatch):
    monkeypatch.setenv("R1LAB_FAST", "1")
    fast = presets.pick("cpu")
    monkeypatch.setenv("R1LAB_FAST", "0")
    whole = presets.pick("cpu")
    assert whole == presets.named("cpu")
    assert fast.steps < whole.steps and fast.eval_problems < whole.eval_problems
