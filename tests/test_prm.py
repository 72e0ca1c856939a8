"""Judges of steps: what they read, what they are paid into, and credit by exact values in training."""

from types import SimpleNamespace

import pytest
import torch
from helpers import on_a_card

from r1lab import credit, experiments, grpo, models, plots, policy, prm, records, rewards, tasks
from r1lab.experiments import prm_and_mcts, tree_search
from r1lab.records import configs
from r1lab.running.run import run
from r1lab.running.settings import Options
from r1lab.tasks import Problem
from r1lab.tiny_world import step_judges

P = Problem("countdown", (14, 8, 4), 28)
SEARCH = (
    "<think>14+8=22; 22+4=26 vs 28 no; 14*8=112; 112/4=28 vs 28 yes. Then 14*8=112, 112/4=28"
    "</think><answer>(14*8)/4</answer>"
)
GUESS = "<think>14*8=112, 112/4=28</think><answer>(14*8)/4</answer>"
WRONG = "<think>14+8=22, 22+4=26</think><answer>(14+8)+4</answer>"
LOOP = "<think>" + "14*8=112, " * 30


def quiet(_):
    pass


def columns(completions):
    n = len(completions)
    return {
        "prompts": [tasks.prompt(P, "tiny")] * n, "completions": completions,
        "task": ["countdown"] * n, "numbers": [list(P.numbers)] * n, "target": [P.target] * n,
    }  # fmt: skip


def paid(name, completions=(SEARCH, GUESS, WRONG, LOOP, "")):
    functions, weights = rewards.reward_set(name)
    return rewards.score(functions, weights, **columns(list(completions)))


def test_what_exact_labels_pay_by_hand():
    """Good, of seven steps with the answer: 112, 28, 112, 28 and the answer."""
    totals, parts = paid("exact-sum")
    assert parts["process"] == [5.0, 3.0, 0.0, 30.0, 0.0]
    assert totals == [5.1, 3.1, 0.1, 30.0, 0.0]  # the form weighs as it does in the rule
    assert paid("exact-min")[1]["process"] == [0.0, 1.0, 0.0, 1.0, 0.0]
    assert parts["good_steps"] == pytest.approx([5 / 7, 1.0, 0.0, 1.0, 0.0])
    assert parts["new_steps"] == pytest.approx([5 / 7, 1.0, 1.0, 1 / 30, 0.0])
    assert parts["count_steps"] == [7.0, 3.0, 3.0, 30.0, 0.0]


def test_the_exact_difference_is_the_outcome_where_an_answer_is_given():
    found = paid("exact-difference", [SEARCH, GUESS, WRONG])[1]["process"]
    assert found == [1.0, 1.0, 0.0]
    sums = [1 + sum(change for _, change in credit.changes(P, one)) for one in (SEARCH, WRONG)]
    assert sums == [1.0, 0.0]


def test_the_learned_judge_is_paid_as_its_scores_say():
    judge = prm.load("exact")
    texts = [SEARCH, GUESS, WRONG]
    read = [[step.end for step in prm_and_mcts.steps.read(P, one)] for one in texts]
    said = prm.scores(judge, [tasks.prompt(P, "tiny")] * 3, texts, read)
    assert [len(one) for one in said] == [7, 3, 3]
    for form, put in (("sum", sum), ("min", min), ("difference", lambda each: each[-1])):
        found = paid(f"steps-{form}", texts)[1]["process"]
        assert found == pytest.approx([put(one) for one in said], abs=1e-5)
    alone = prm.scores(judge, [tasks.prompt(P, "tiny")], [WRONG], [read[2]])
    assert alone[0] == pytest.approx(
        said[2], abs=1e-5
    )  # its neighbours in the batch change nothing
    begun = prm.scores(judge, [tasks.prompt(P, "tiny")], [WRONG[: read[2][0]]], [[read[2][0]]])
    assert begun[0][0] == pytest.approx(said[2][0], abs=1e-5)  # nor does what comes later


def test_a_form_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="sum, min, difference"):
        prm.paid("mean", [0.5])
    assert prm.paid("sum", []) == prm.paid("min", []) == 0.0


def test_the_end_of_a_step_is_its_last_token():
    _, tokenizer = models.load("rich")
    prompt = tasks.prompt(P, "tiny")
    ends = [step.end for step in prm_and_mcts.steps.read(P, SEARCH)]
    ids, places = prm.placed(tokenizer, prompt, SEARCH, ends)
    said = [tokenizer.decode([ids[at]]) for at in places]
    assert said == ["22", "26", "112", "28", "112", "28", "</answer>"]


def test_a_head_learns_what_can_be_learned_and_is_saved_small(tmp_path):
    """Marks that a line tells apart, and marks that nothing does."""
    draw = torch.Generator().manual_seed(0)
    known = torch.randn(4000, 12, generator=draw) * 5 + 3
    marks = (known[:, 0] + known[:, 1] > 6).float()
    noise = torch.randint(2, (4000,), generator=draw).float()
    good, none = (prm.fit(known[:3000], m[:3000], 0, steps=300) for m in (marks, noise))
    for head, m, least, most in ((good, marks, 0.98, 1.0), (none, noise, 0.4, 0.6)):
        ranked = step_judges.ranked(head(known[3000:]).sigmoid().tolist(), m[3000:].bool().tolist())
        assert least <= ranked["auc"] <= most
    prm.save({"exact": good}, tmp_path / "judges" / "steps", {})
    file = tmp_path / "judges" / "steps" / "heads.safetensors"
    assert file.stat().st_size < 10_000
    again = prm.load("exact", tmp_path)
    assert again.head(known[:9]).tolist() == pytest.approx(good(known[:9]).tolist(), abs=0.05)
    assert prm.weights_of().stat().st_size < 500_000
    with pytest.raises(FileNotFoundError, match="pretrain steps"):
        prm.load("exact", tmp_path / "nowhere")
    with pytest.raises(KeyError, match="exact, rollouts, outcome"):
        prm.load("exactly")


def test_ranked_by_hand():
    found = step_judges.ranked([0.1, 0.15, 0.9, 0.5], [False, True, True, False])
    assert found["auc"] == 0.75 and found["base_rate"] == 0.5
    assert found["calibration"] == [[0.125, 0.5, 2], None, [0.5, 0.0, 1], None, [0.9, 1.0, 1]]
    assert step_judges.ranked([0.5], [True])["auc"] is None


def test_credit_moves_each_step_by_what_it_changed():
    """Each token's advantage is its step's change, whitened over the batch."""
    model, tokenizer = models.load("rich")
    learner = policy.learner(models.prepare(model, 8, 0), tokenizer, 1e-3)
    pool = tasks.problems("countdown", 8, 0, "train", 3)
    config = grpo.Config(steps=1, prompts=4, group=4, max_new=64, credit="reachable", seed=1)
    (roll,) = grpo.train(learner, pool, rewards.reward_set("rule"), config)
    (each,) = roll.per_token
    changes = credit.reachable(tokenizer, roll)
    mask = roll.completions.mask
    assert each.shape == changes.shape == mask.shape and "critic_error" not in roll.report
    assert set(changes[mask].unique().tolist()) <= {-1.0, 0.0, 1.0}
    kept = changes[mask]
    wanted = (kept - kept.mean()) / kept.std()
    assert each[mask].tolist() == pytest.approx(wanted.tolist(), abs=1e-4)
    assert not each[~mask].any()


def test_settings_that_do_not_go_together_are_refused():
    for wrong in ({"credit": "steps"}, {"credit": "reachable", "gae": 1.0},
                  {"credit": "reachable", "learn_from": "better"}):  # fmt: skip
        with pytest.raises(ValueError, match="credit"):
            grpo.Config(**wrong)
    old = {
        "experiment": "judge",
        "version": 6,
        "size": 3,
        "also": 0,
        "stages": [{"method": "grpo"}],
    }
    assert configs.upgraded(old)["stages"][0]["credit"] == "answer"


SMALL = {"eval_problems": 6, "max_new": 48, "prompts": 2, "group": 4, "train_problems": 8}


@pytest.mark.parametrize("arm", ["sum", "exact-min", "values"])
def test_an_arm_runs_and_writes_what_its_evidence_reads(arm, tmp_path):
    options = Options(arm, settings=SMALL | {"steps": 2})
    run(experiments.named("process"), options, tmp_path / "run", watch=quiet)
    found = records.load_run(tmp_path / "run")
    after = found.summary["after"]
    assert {"right", "tries", "steps", "good_steps", "new_steps"} <= set(after)
    if arm != "values":
        assert prm_and_mcts.risen(found, "reward_process", 42.0) is not None
        assert {"reward_good_steps", "reward_new_steps"} <= set(found.metrics[0])
    assert ("exact" in arm or arm == "values") == (not found.config["files"])


def test_answers_are_chosen_from_and_judges_examined(tmp_path):
    options = Options("base", settings={"eval_problems": 4, "samples": 4})
    run(experiments.named("rerank"), options, tmp_path / "run", watch=quiet)
    (measured,) = (records.load_run(tmp_path / "run").summary["measured"],)
    chosen = measured["chosen"]
    assert {"chance", "any", "outcome", "exact last", "rollouts min"} <= set(chosen)
    for way, at in chosen.items():
        assert set(at) == {"1", "2", "4"} and all(len(values) == 4 for values in at.values())
        assert at["1"] == pytest.approx(chosen["chance"]["1"], abs=1e-3), way
    assert measured["judges"]["exact"]["answer"]["n"] <= 16


def test_a_choice_from_many_is_drawn_from_left_to_right():
    at = {str(k): [k / 32] for k in (1, 16, 2, 32, 4, 8)}  # the order of words, as in a record
    chosen = {way: at for way in prm_and_mcts.WAYS}
    _, axis = plots.canvas()
    prm_and_mcts.curves(axis, [SimpleNamespace(summary={"measured": {"chosen": chosen}})])
    assert all(list(line.get_xdata()) == [1, 2, 4, 8, 16, 32] for line in axis.lines)


def test_trees_and_their_controls_are_grown(tmp_path, monkeypatch):
    monkeypatch.setattr(tree_search, "SIMULATIONS", 6)
    monkeypatch.setattr(tree_search, "TOKENS", 8)
    options = Options("base", settings={"eval_problems": 3})
    run(experiments.named("tree"), options, tmp_path / "run", watch=quiet)
    found = records.load_run(tmp_path / "run")
    rows = found.summary["measured"]["found"]
    assert set(rows) == set(tree_search.SEARCHES)
    for way, row in rows.items():
        assert len(row["after"]) == len(row["tokens"]) == 3, way
        assert len(tree_search.solved(found, way, 6)) == 3


@pytest.mark.slow
def test_four_rounds_learn_from_what_the_tree_finds(tmp_path, monkeypatch):
    monkeypatch.setattr(tree_search, "ASKED", 8)
    settings = {f"round-{n}.steps": 1 for n in (1, 2, 3, 4)} | {"trees": 4, "eval_problems": 4}
    settings |= {"max_new": 48, "train_problems": 64}
    run(experiments.named("rounds"), Options("search", settings=settings), tmp_path / "run",
        watch=quiet)  # fmt: skip
    found = records.load_run(tmp_path / "run")
    assert [stage["name"] for stage in found.summary["stages"]] == [
        f"round-{n}" for n in range(1, 5)
    ]
    assert len(found.summary["before"]["tree"]) == len(found.summary["before"]["eight"]) == 4
    taught = [one for one in found.samples if "prompt" in one]
    assert taught and all(one["rewards"]["accuracy"] == [1.0] for one in taught)


def test_the_call_on_a_card_with_the_true_architecture_at_toy_width(tmp_path, monkeypatch):
    """`run process --arm exact-sum` as the lesson's part on the GPU calls it: R1's template."""
    on_a_card(monkeypatch, tmp_path / "model", "gpu24")
    settings = {"max_new": 24, "eval_problems": 4, "steps": 2, "prompts": 2, "group": 2}
    options = Options("exact-sum", "gpu24", settings=settings)
    summary = run(experiments.named("process"), options, tmp_path / "run", watch=quiet)
    assert summary["preset"] == "gpu24" and summary["n"] == 4
