"""Imports go only downward, inside folders too, and only `trl_engine` knows TRL."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "r1lab"
# from the lowest: a file imports files of earlier paragraphs alone
LAYERS = """
checks.exercise claims curriculum front length losses.advantages losses.policy losses.tokens
losses.values machine machine.energy machine.environment machine.memory models.adapters
records.configs records.files running running.alarms running.arguments running.experiment
sampler.captured sampler.choosing sampler.completions sampler.products sampler.steering speed
speed.compare speed.peer_process stats tasks.problem tasks.reading tiny_world tiny_world.words tree
userfile widgets.live

checks checks.letters losses.tuning machine.presets microscope models.names plots pupil
records.checkpoints running.progress sampler.weights tasks.task thoughts widgets.growth

checks.lesson_08 cost feedback habits losses models.loading records.folder sampler.cache
sampler.forward tasks.arithmetic tasks.countdown tasks.equality tasks.gsm8k value widgets.colouring
widgets.draws widgets.prices

checks.lesson_02 claims.worked_out drawings models.lineage records sampler.decoding sampler.reading
tasks.effort widgets.playground

machine.colab models models.fetch running.evidence sampler.sampling speed.answering speed.gguf_file
tasks.names widgets.envelope

claims.ledger preflight.learning prm running.bills sampler tasks.templates tiny_world.habits
trl_engine.common verify

claims.verdicts policy readability reflection steps tasks trl_engine.sampled

checks.lesson_03 claims.bounds claims.luck evaluate games marking preflight.minutes sft
speed.decoding tiny_world.corpus widgets.painter

branches checks.lesson_00 checks.lesson_07 dpo preflight.need rewards scorer search speed.growth
speed.waiting tiny_world.cards tiny_world.competence tiny_world.pretrain tiny_world.traces
widgets.bound widgets.merging widgets.searchtree

checks.lesson_01 checks.lesson_04 checks.lesson_05 preflight.fits rollouts speed.peers
tiny_world.judges tiny_world.report tiny_world.step_judges trl_engine.offline widgets.bench
widgets.budget

credit critic dynamic on_policy partial preflight

asking widgets.pieces

grpo

checks.lesson_06 running.settings speed.footprint speed.parts trl_engine.online

checks.lesson_10 experiments.cost_and_limits experiments.own_value running.arms running.journal
running.measure trl_engine

experiments.choices experiments.effort experiments.few_shot experiments.guessing experiments.habits
experiments.judging experiments.kimi_rl experiments.own_answers experiments.prm_and_mcts
experiments.rewards experiments.train_time experiments.tree_search running.methods running.queue
running.summary

experiments.cold_start experiments.critic_cost experiments.difficulty experiments.grpo_math
experiments.r1_zero_and_the_aha_moment experiments.ranks experiments.templates experiments.tinyzero
running.recorded running.run speed.training

experiments experiments.coverage experiments.distillation experiments.room
experiments.test_time_compute speed.bench

checks.lesson_09 checks.lesson_11 claims.scoreboard experiments.long2short widgets.rollouts

claims.reruns claims.rulers widgets.board widgets.dashboard

claims.again claims.report widgets

__main__
"""
LAYER = {
    name: height for height, names in enumerate(LAYERS.split("\n\n")) for name in names.split()
}
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
    knows -= {"running.methods"}  # asks only whether TRL is there
    assert {name.split(".")[0] for name in knows} == {"trl_engine"}


def test_no_file_evaluates_text():
    for path in FILES:
        calls = {n.func.id for n in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                 if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}  # fmt: skip
        assert not calls & {"eval", "exec", "compile", "__import__"}, path.name
