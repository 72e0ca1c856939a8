"""Every alarm is caused for real, and runs that learn raise none."""

from dataclasses import replace

import pytest
from helpers import tiny_model

from r1lab import experiments, grpo, models, policy, records, rewards, tasks
from r1lab.grpo import Config
from r1lab.running import alarms
from r1lab.running.recorded import RECORDED as RUNS
from r1lab.running.run import run
from r1lab.running.settings import Options
from r1lab.tiny_world import pretrain

TOKENIZER = pretrain.wrap_tokenizer()
POOL = tasks.problems("countdown", 40, seed=3)
CONFIG = Config(steps=6, prompts=4, group=6, max_new=24, lr=1e-2, micro_tokens=4096, seed=5)
SHORT = replace(CONFIG, steps=5, group=4, max_new=48, lr=0.0)
DIGITS = set(TOKENIZER.convert_tokens_to_ids(list("0123456789")))
RECORDED = sorted(RUNS.glob("zero-*"))


def share_of_digits(completion_ids, **_):
    return [sum(token in DIGITS for token in ids) / len(ids) for ids in completion_ids]


DIGITS_ONLY = ([share_of_digits], [1.0])


def nothing(completions, **_):
    return [0.0] * len(completions)


def everything(completions, **_):
    return [1.0] * len(completions)


def by_the_problem(target, **_):
    """Never a difference inside a group, but from problem to problem."""
    return [float(t) for t in target]


def random_model(rank=4):
    return models.prepare(tiny_model(vocabulary=len(TOKENIZER)), rank)


def metrics(config, reward_set, model=None, tokenizer=TOKENIZER):
    """The lines a run writes, of a random model unless another is given."""
    model = model or random_model()
    learner = policy.learner(model, tokenizer, config.lr)
    return [roll.line() for roll in grpo.train(learner, POOL, reward_set, config)]


def raised(lines):
    return {alarm.name: alarm for alarm in alarms.of_metrics(lines)}


def rich():
    """The shipped base with LoRA, not trained yet."""
    return models.prepare(models.load("rich")[0], 4)


@pytest.mark.parametrize(
    ("reward", "name"),
    [
        (nothing, "reward is 0"),
        (everything, "reward is constant"),
        (by_the_problem, "zero-variance groups"),
    ],
)
def test_a_reward_that_tells_nothing_apart_has_one_name(reward, name):
    found = raised(metrics(CONFIG, ([reward], [1.0])))
    silent = {"reward is 0", "reward is constant", "zero-variance groups"}
    assert set(found) & silent == {name}
    assert found[name].step == alarms.PATIENCE


def test_an_accuracy_reward_of_0_is_seen_behind_the_format():
    """What a judge that never agrees looks like: the format goes on paying."""

    def accuracy(completions, **_):
        return [0.0] * len(completions)

    lines = metrics(
        replace(SHORT, max_new=64), ([accuracy, rewards.format_tags], [1.0, 0.1]), rich()
    )
    assert all(line["reward"] > 0 for line in lines)
    assert "accuracy reward" in raised(lines)["reward is 0"].words


@pytest.mark.slow
def test_a_template_that_the_model_was_not_trained_with_loses_the_tags():
    foreign = replace(SHORT, template="smollm2", max_new=16)
    assert "no answer tag" in raised(metrics(foreign, DIGITS_ONLY, rich()))
    assert "no answer tag" not in raised(metrics(SHORT, DIGITS_ONLY, rich()))


@pytest.mark.slow
def test_an_end_token_that_the_model_never_writes():
    """The tokenizer names another end than the one the model was trained with."""
    wrong = pretrain.wrap_tokenizer()
    wrong.eos_token = wrong.pad_token
    assert "no end token" in raised(metrics(SHORT, DIGITS_ONLY, rich(), wrong))
    assert "no end token" not in raised(metrics(SHORT, DIGITS_ONLY, rich()))


@pytest.mark.slow
def test_a_rate_too_high_for_several_updates_is_clipped():
    config = replace(CONFIG, updates=4, lr=0.1)
    assert "clipped" in raised(metrics(config, DIGITS_ONLY, random_model(0)))
    assert "clipped" not in raised(metrics(replace(config, lr=1e-4), DIGITS_ONLY, random_model(0)))


@pytest.mark.slow
def test_a_rate_too_high_collapses_the_entropy():
    config = replace(CONFIG, steps=20, lr=0.1)
    assert "entropy collapse" in raised(metrics(config, DIGITS_ONLY, random_model(0)))
    assert "entropy collapse" not in raised(
        metrics(replace(config, lr=1e-3), DIGITS_ONLY, random_model(0))
    )


@pytest.mark.slow
def test_a_rate_too_high_blows_up_the_kl():
    config = replace(SHORT, steps=8, beta=1e-3, lr=0.05)
    assert "KL blow-up" in raised(metrics(config, DIGITS_ONLY, rich()))
    assert "KL blow-up" not in raised(metrics(replace(config, lr=2e-3), DIGITS_ONLY, rich()))


def zero_for(steps, value=0.0, start=1):
    return [
        {"step": start + i, "reward": value, "zero_variance": 1.0 - value} for i in range(steps)
    ]


def test_an_alarm_comes_once_and_again_when_it_had_gone():
    short = [*zero_for(8), *zero_for(1, 0.5, 9), *zero_for(20, 0.0, 10)]
    assert raised(short)["reward is 0"].step < 9
    assert [a.name for a in alarms.of_metrics(short)].count("reward is 0") == 1
    long = [*zero_for(8), *zero_for(20, 0.5, 9), *zero_for(20, 0.0, 29)]
    first, second = (a for a in alarms.of_metrics(long) if a.name == "reward is 0")
    assert first.step < 9 and second.step > 29


def test_what_was_raised_stays_raised_while_the_run_goes_on():
    lines = metrics(replace(CONFIG, steps=12), ([nothing], [1.0]))
    whole = alarms.of_metrics(lines)
    for n in range(len(lines)):
        assert alarms.of_metrics(lines[:n]) == [a for a in whole if a.step <= n]


@pytest.mark.parametrize("folder", RECORDED, ids=lambda p: p.name)
def test_recorded_runs_raise_only_what_is_true(folder):
    names = {alarm.name for alarm in alarms.of_metrics(records.load_run(folder).metrics)}
    if "-format-" in folder.name:  # all completions have the tags soon, so all rewards are equal
        assert "zero-variance groups" in names
        assert names <= {"zero-variance groups", "reward is constant"}
    elif "-parts-" in folder.name:  # nearly all answers wrong: the reward is 0.1 nearly everywhere
        assert names <= {"zero-variance groups"}
    elif "-poor-" in folder.name:  # and in one seed all of them at the end
        assert names <= {"zero-variance groups", "reward is 0"}
    elif (
        "-smol-" in folder.name
    ):  # at 2 % right most groups begin without a signal, and all end alike
        assert names <= {"zero-variance groups", "entropy collapse"}
    else:
        assert not names


# -- Before the first step -----------------------------------------------------------------

TURNS = (
    "{% for m in messages %}[{{ m.role }}] {{ m.content }}END{% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}"
)


def tuned(end: str):
    tokenizer = pretrain.wrap_tokenizer()
    tokenizer.chat_template = TURNS.replace("END", end)
    return tokenizer


def of_prompt(tokenizer, prompt):
    return [alarm.name for alarm in alarms.of_prompt(tokenizer, prompt)]


def test_a_model_tuned_for_chats_must_be_asked_in_its_chat_form():
    plain = tasks.prompt(POOL[0], "tiny")
    chat = tuned(TOKENIZER.eos_token)
    (alarm,) = alarms.of_prompt(chat, plain)
    assert alarm.name == "no chat template" and "[assistant]" in alarm.words
    asked = chat.apply_chat_template(
        [{"role": "user", "content": plain}], tokenize=False, add_generation_prompt=True
    )
    assert "no chat template" not in of_prompt(chat, asked)
    assert (
        of_prompt(tuned("<turn>"), plain) == []
    )  # a base that carries a template its end token is not in
    assert of_prompt(TOKENIZER, plain) == []


def test_a_sampler_of_another_policy():
    """Lines of a real run whose sampler was off by a tenth of a nat, as a rounded one is."""
    lines = metrics(SHORT, DIGITS_ONLY)
    assert "sampler and trainer apart" not in raised(lines)
    assert "sampler and trainer apart" in raised([line | {"logp_gap": 0.1} for line in lines])
    unknown = [line | {"logp_gap": None} for line in lines]  # steps without a signal
    assert "sampler and trainer apart" not in raised(unknown)


def test_a_prompt_the_model_cannot_read():
    assert of_prompt(TOKENIZER, tasks.prompt(POOL[0], "r1")) == ["unknown tokens in the prompt"]


# -- Where a reader meets them -------------------------------------------------------------


@pytest.fixture
def silent(monkeypatch, tmp_path):
    """The options of a run whose reward is the reader's own and always 0."""
    (tmp_path / "silent.py").write_text(
        "def nothing(completions, **_):\n    return [0] * len(completions)\n"
    )
    monkeypatch.setenv("R1LAB_FAST", "1")
    return Options(settings={"steps": 6, "reward": f"{tmp_path / 'silent.py'}:nothing"})


@pytest.mark.slow
def test_the_terminal_says_it_on_a_line_of_its_own_and_the_summary_keeps_it(
    silent, tmp_path, capsys
):
    summary = run(experiments.named("zero"), silent, tmp_path / "run")
    (kept,) = summary["alarms"]
    assert kept["name"] == "reward is 0" and summary == records.load_run(tmp_path / "run").summary
    said = [
        line
        for line in capsys.readouterr().err.replace("\r", "\n").split("\n")
        if "r1lab: " in line
    ]
    assert said == [f"r1lab: {alarms.Alarm(**kept)}"]


@pytest.mark.slow
def test_the_dashboard_says_it_below_the_status(silent, tmp_path):
    widgets = pytest.importorskip("r1lab.widgets.dashboard")
    zero = experiments.named("zero")
    board = widgets.TrainingDashboard(zero, silent, tmp_path / "run")
    seen = []

    def watch(now):
        board.watch(now)
        seen.append(board._faces()["text/plain"])

    run(zero, silent, tmp_path / "run", watch=watch)
    assert "reward is 0" not in seen[1] and "reward is 0" in seen[-1]
    if board.box:
        assert "reward is 0" in board.label.value
    again = widgets.TrainingDashboard(zero, silent, tmp_path / "run")
    again._read()
    assert again.alarms == board.alarms
