"""Run records: what a kill, a full disk, a damaged file or a wrong argument may cost, and that it costs no more."""

import builtins
import errno
import json
import math
import os
import subprocess
import sys

import pytest
import torch

from r1lab import records
from r1lab.records import LOGS, NEWEST, PREVIOUS, RunError, files
from r1lab.records.checkpoints import digest, newest

CONFIG = {
    "version": records.VERSION,
    "experiment": "zero",
    "lr": 0.002,
    "steps": 6,
    "shape": (1, 2),
}


def tensors(step=0):
    """Every kind a run saves: odd shapes, no shape, other types, a view, a parameter."""
    torch.manual_seed(step)
    return {
        "weight/a": torch.randn(3, 4),
        "weight/b": torch.nn.Parameter(torch.randn(4, 3)).T,
        "half": torch.randn(5).to(torch.bfloat16),
        "step": torch.tensor(float(step)),
        "state": torch.arange(7, dtype=torch.uint8),
        "none": torch.zeros(0, 2),
    }


def same(left, right):
    return left.keys() == right.keys() and all(
        left[k].dtype == right[k].dtype and torch.equal(left[k], right[k]) for k in left
    )


def content(folder):
    """Every file of a folder, byte for byte."""
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def train(folder, steps=6, resume=False, dies_at=None, every=2):
    """A run in five lines: each step adds to a weight, writes its lines, and saves every second step."""
    done = records.open_run(folder, CONFIG, resume)
    saved = records.load_checkpoint(folder)
    weight = saved[1]["weight"] if saved else torch.zeros(3)
    assert done == (saved[0] if saved else 0)
    for step in range(done + 1, steps + 1):
        weight = weight + torch.tensor([1.0, 0.1, 1 / 3]) * step
        records.append(folder, "metrics.jsonl", {"step": step, "loss": float(weight.sum()) / 7})
        for name in ("samples.jsonl", "probe.jsonl"):
            records.append(folder, name, {"step": step, "text": f"等等\u2028 {step}\n"})
        if step == dies_at:
            raise KeyboardInterrupt
        records.append(folder, "timing.jsonl", {"step": step, "seconds": 0.5})
        if step % every == 0:
            records.save_checkpoint(folder, step, {"weight": weight}, {"step": step})
    records.write_json(folder / "summary.json", {"loss": float(weight.sum())})


@pytest.fixture
def whole(tmp_path):
    """A finished run, and its folder."""
    train(tmp_path / "whole")
    return tmp_path / "whole"


def broken(monkeypatch, number, where="write"):
    """From now on every write, or every rename, fails with this error number."""

    def fail(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    if where == "rename":
        monkeypatch.setattr(os, "replace", fail)
        return
    real = builtins.open

    def refuse(file, mode="r", *args, **kwargs):
        return fail() if set(mode) & set("wa+x") else real(file, mode, *args, **kwargs)

    monkeypatch.setattr(builtins, "open", refuse)


# ---- start, go on, refuse ----


def test_a_fresh_run_makes_its_folder_and_writes_its_config(tmp_path):
    folder = tmp_path / "a" / "b"
    assert records.open_run(folder, CONFIG, resume=False) == 0
    assert content(folder).keys() == {"config.json"}
    assert json.loads((folder / "config.json").read_text()) == CONFIG | {"shape": [1, 2]}


def test_resume_without_a_run_is_a_fresh_start(tmp_path):
    assert records.open_run(tmp_path / "new", CONFIG, resume=True) == 0
    assert records.load_run(tmp_path / "new").config["lr"] == 0.002


def test_files_of_others_in_the_folder_do_not_matter_and_stay(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    assert records.open_run(tmp_path, CONFIG, resume=False) == 0
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name", records.FILES)
def test_a_folder_that_holds_any_file_of_a_run_is_not_overwritten(tmp_path, name):
    (tmp_path / name).write_text("{}")
    before = content(tmp_path)
    with pytest.raises(RunError, match="already holds a run.*--resume.*--out"):
        records.open_run(tmp_path, CONFIG, resume=False)
    assert content(tmp_path) == before


def test_records_without_a_config_are_not_resumed(tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\n')
    before = content(tmp_path)
    with pytest.raises(RunError, match=r"no config\.json.*--out"):
        records.open_run(tmp_path, CONFIG, resume=True)
    assert content(tmp_path) == before


def test_other_settings_are_named_with_both_values_and_nothing_changes(whole):
    before = content(whole)
    with pytest.raises(RunError) as error:
        records.open_run(whole, CONFIG | {"lr": 0.01, "seed": 3}, resume=True)
    assert "lr was 0.002 and is now 0.01" in str(error.value)
    assert "seed was None and is now 3" in str(error.value)
    assert "steps" not in str(error.value) and "shape" not in str(error.value)
    assert content(whole) == before


def test_a_config_that_is_not_json_is_named(whole):
    (whole / "config.json").write_text('{"lr": ')
    with pytest.raises(RunError, match=r"config\.json is not JSON"):
        records.open_run(whole, CONFIG, resume=True)


@pytest.mark.parametrize("below", ["", "deeper/still"])
def test_a_path_that_is_a_file_is_refused(tmp_path, below):
    (tmp_path / "file").write_text("mine")
    for resume in (False, True):
        with pytest.raises(RunError, match="choose another --out"):
            records.open_run(tmp_path / "file" / below, CONFIG, resume)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    with pytest.raises(RunError, match="writing is not allowed.*--out"):
        records.open_run(tmp_path, CONFIG, resume=False)
    assert content(tmp_path) == {}


def test_a_finished_run_says_so_and_opening_it_changes_nothing(whole):
    (whole / NEWEST).unlink()  # as in recorded evidence, which ships without checkpoints
    (whole / PREVIOUS).unlink()
    before = content(whole)
    assert records.finished(whole)
    assert records.open_run(whole, CONFIG, resume=True) == 6
    assert content(whole) == before
    assert not records.finished(whole.parent)


# ---- a kill, and going on ----


@pytest.mark.parametrize("dies_at", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("torn", ["", '{"step": 9, "lo', '{"step"', "\0\0\0", "\xff"])
def test_a_killed_run_goes_on_to_the_same_bytes(whole, tmp_path, dies_at, torn):
    folder = tmp_path / "killed"
    with pytest.raises(KeyboardInterrupt):
        train(folder, dies_at=dies_at)
    for name in LOGS:
        with open(folder / name, "ab") as file:
            file.write(torn.encode("latin-1"))
    train(folder, resume=True)
    assert content(folder).keys() == content(whole).keys()
    for name in ("config.json", *LOGS, "summary.json"):
        assert (folder / name).read_bytes() == (whole / name).read_bytes(), name


def test_a_line_that_lacks_only_its_line_end_is_kept(whole):
    path = whole / "metrics.jsonl"
    text = path.read_bytes()
    path.write_bytes(text[:-1])
    records.rewind(whole, 6)
    assert path.read_bytes() == text


@pytest.mark.slow
def test_a_real_kill_in_the_middle_of_a_run_loses_nothing_saved(tmp_path, whole):
    script = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path; import test_runs\n"
        "real, count = os.replace, [0]\n"
        "def die(*a):\n"
        "    count[0] += 1\n"
        "    if count[0] == int(sys.argv[3]): os.kill(os.getpid(), 9)\n"
        "    return real(*a)\n"
        "os.replace = die\n"
        "test_runs.train(Path(sys.argv[2]))\n"
    )
    folder = (
        tmp_path / "killed"
    )  # renames: config, step 2, step 4 (two of them: the 4th comes between)
    argv = [sys.executable, "-c", script, os.path.dirname(__file__), str(folder), "4"]
    assert (
        subprocess.run(argv, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}).returncode
        == -9
    )
    assert not (folder / NEWEST).exists() and (folder / PREVIOUS).exists()
    assert records.load_checkpoint(folder)[0] == 2
    train(folder, resume=True)
    for name in (*LOGS, "summary.json"):
        assert (folder / name).read_bytes() == (whole / name).read_bytes(), name


@pytest.mark.parametrize("lost", [("metrics.jsonl",), LOGS])
@pytest.mark.parametrize("lines", [0, 2, None])
def test_a_folder_that_came_back_with_older_logs_goes_on_to_the_same_bytes(
    whole, tmp_path, lost, lines
):
    """What a cloud folder may leave after a disconnect: the newest checkpoint, and logs of before, or none."""
    folder = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        train(folder, dies_at=5)
    for path in (folder / name for name in lost):
        kept = path.read_bytes().splitlines(keepends=True)[:lines]
        path.unlink() if lines is None else path.write_bytes(b"".join(kept))
    train(folder, resume=True)
    assert {n: b for n, b in content(folder).items() if n in LOGS} == {
        n: b for n, b in content(whole).items() if n in LOGS
    }


def test_rewind_cuts_all_logs_and_only_behind_the_step(whole):
    records.rewind(whole, 3)
    assert [[line["step"] for line in records.read_jsonl(whole / name)] for name in LOGS] == [
        [1, 2, 3]
    ] * len(LOGS)
    records.rewind(whole, -1)
    assert all((whole / name).read_bytes() == b"" for name in LOGS)


def test_rewind_leaves_a_log_alone_that_needs_no_change(whole, monkeypatch):
    before = content(whole)
    broken(monkeypatch, errno.ENOSPC)
    records.rewind(whole, 6)
    assert content(whole) == before


def test_lines_without_a_step_count_as_step_0(tmp_path):
    records.append(tmp_path, "samples.jsonl", {"text": "a"})
    records.append(tmp_path, "samples.jsonl", {"step": 0, "text": "b"})
    records.append(tmp_path, "samples.jsonl", {"step": 1, "text": "c"})
    records.rewind(tmp_path, 0)
    assert [line["text"] for line in records.read_jsonl(tmp_path / "samples.jsonl")] == ["a", "b"]


@pytest.mark.parametrize("bad", [b"not json\n", b"\n", b"[1]\n", b'{"step": 2\n', b"\xff\n"])
def test_a_bad_line_that_is_not_the_last_is_named_and_nothing_is_cut(whole, bad):
    path = whole / "metrics.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], bad, *lines[1:]]))
    (whole / "summary.json").unlink()
    before = content(whole)
    for call in (lambda: records.open_run(whole, CONFIG, True), lambda: records.load_run(whole)):
        with pytest.raises(RunError, match=r"line 2 of .*metrics\.jsonl"):
            call()
    assert content(whole) == before


def test_a_bad_last_line_that_was_ended_is_no_torn_line(tmp_path):
    (tmp_path / "metrics.jsonl").write_bytes(b'{"step": 1}\n{"step":\n')
    with pytest.raises(RunError, match=r"line 2 of .*metrics\.jsonl"):
        records.read_jsonl(tmp_path / "metrics.jsonl")


def test_a_run_killed_before_its_first_checkpoint_starts_with_empty_logs(tmp_path):
    records.open_run(tmp_path, CONFIG, resume=False)
    records.append(tmp_path, "metrics.jsonl", {"step": 0})
    assert records.open_run(tmp_path, CONFIG, resume=True) == 0
    assert records.read_jsonl(tmp_path / "metrics.jsonl") == []
    records.append(tmp_path, "metrics.jsonl", {"step": 0})
    records.save_checkpoint(tmp_path, 0, tensors(), {})
    records.append(tmp_path, "metrics.jsonl", {"step": 1})
    assert records.open_run(tmp_path, CONFIG, resume=True) == 0
    assert records.read_jsonl(tmp_path / "metrics.jsonl") == [{"step": 0}]


# ---- logs and JSON ----


def test_a_log_gives_back_what_was_put_in_whatever_the_text(tmp_path):
    given = [
        {"step": 1, "text": "等等\u2028\u0085\n\r\0 \ud800", "none": None, "list": [0.1, 1e-300], "b": 2, "a": 1},
        {"step": 2, "text": ""},
    ]  # fmt: skip
    for record in given:
        records.append(tmp_path, "samples.jsonl", record)
    got = records.read_jsonl(tmp_path / "samples.jsonl")
    assert got == given and list(got[0]) == list(given[0])
    assert "等等".encode() in (tmp_path / "samples.jsonl").read_bytes()
    assert (tmp_path / "samples.jsonl").read_bytes().count(b"\n") == 2


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_run_that_diverged_is_told_which_number_it_lost(tmp_path, bad):
    records.append(tmp_path, "metrics.jsonl", {"step": 1, "loss": 1.0})
    with pytest.raises(RunError, match="loss.* not finite.*--lr"):
        records.append(tmp_path, "metrics.jsonl", {"step": 2, "loss": bad, "kl": 0.0})
    with pytest.raises(ValueError):
        records.write_json(tmp_path / "summary.json", {"deep": [bad]})
    assert content(tmp_path) == {"metrics.jsonl": b'{"step": 1, "loss": 1.0}\n'}


def test_json_is_sorted_readable_and_ends_its_last_line(tmp_path):
    records.write_json(tmp_path / "x.json", {"b": 1, "a": {"d": "等", "c": [1]}})
    text = (tmp_path / "x.json").read_text(encoding="utf-8")
    assert text.endswith("}\n") and text.index('"a"') < text.index('"b"') and "等" in text
    assert json.loads(text) == {"b": 1, "a": {"d": "等", "c": [1]}}


def test_a_run_is_read_whole_and_missing_parts_are_empty(whole, tmp_path):
    run = records.load_run(whole)
    assert run.config["steps"] == 6 and len(run.metrics) == len(run.timing) == len(run.samples) == 6
    assert run.summary["loss"] > 0
    (tmp_path / "empty").mkdir()
    assert records.load_run(tmp_path / "empty") == records.Run({}, [], [], [], {})
    with pytest.raises(RunError, match="no run at"):
        records.load_run(tmp_path / "missing")


# ---- disk full, read-only ----


def calls(folder):
    return {
        "append": lambda: records.append(folder, "metrics.jsonl", {"step": 7}),
        "write_json": lambda: records.write_json(folder / "config.json", {"other": 1}),
        "save_checkpoint": lambda: records.save_checkpoint(folder, 8, tensors(), {}),
        "rewind": lambda: records.rewind(folder, 1),
    }


@pytest.mark.parametrize("call", ["append", "write_json", "save_checkpoint", "rewind"])
def test_a_full_disk_gives_one_sentence_and_loses_nothing_saved(whole, monkeypatch, call):
    before = content(whole)
    with monkeypatch.context() as patch:
        broken(patch, errno.ENOSPC)
        with pytest.raises(RunError) as error:
            calls(whole)[call]()
    message = str(error.value)
    assert (
        "the disk is full; saved so far: 6 lines of metrics.jsonl, last checkpoint: step 6"
        in message
    )
    assert "--resume" in message and "\n" not in message
    assert content(whole) == before


@pytest.mark.parametrize("call", ["write_json", "rewind"])
def test_a_rename_that_fails_leaves_the_old_file_and_no_litter(whole, monkeypatch, call):
    before = content(whole)
    with monkeypatch.context() as patch:
        broken(patch, errno.EROFS, "rename")
        with pytest.raises(RunError, match="[Rr]ead-only"):
            calls(whole)[call]()
    assert content(whole) == before


def test_a_disk_that_fills_in_the_middle_of_a_write_leaves_the_old_file(whole, monkeypatch):
    before = content(whole)
    with monkeypatch.context() as patch:
        patch.setattr(
            os, "fsync", lambda handle: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full"))
        )
        for call in ("write_json", "save_checkpoint", "rewind"):
            with pytest.raises(RunError, match="the disk is full"):
                calls(whole)[call]()
    assert content(whole) == before


def test_a_file_that_cannot_be_read_is_no_endless_story(whole, monkeypatch):
    path_type = type(whole)
    with monkeypatch.context() as patch:
        patch.setattr(
            path_type,
            "read_bytes",
            lambda self: (_ for _ in ()).throw(OSError(errno.EIO, "I/O error")),
        )
        broken(patch, errno.EIO)
        for call in (
            *calls(whole).values(),
            lambda: records.load_run(whole),
            lambda: records.load_checkpoint(whole),
        ):
            with pytest.raises(RunError, match="I/O error|Input/output error"):
                call()


# ---- checkpoints ----


def test_a_checkpoint_gives_back_step_tensors_and_extra(tmp_path):
    extra = {
        "before": {"accuracy": 0.1, "right": [1, 0]},
        "text": '等 "sha256":"' + "0" * 64 + '"',
        "pair": (1, 2),
    }
    records.save_checkpoint(tmp_path, 12, tensors(3), extra)
    step, got, about = records.load_checkpoint(tmp_path)
    assert step == 12 and about == extra | {"pair": [1, 2]} and same(got, tensors(3))
    assert content(tmp_path).keys() == {NEWEST}


def test_long_logs_do_not_swell_the_header_which_may_have_100_mb(tmp_path):
    text = "等一下 \\frac{1}{2} " * 2_000
    records.append(tmp_path, "samples.jsonl", {"step": 1, "completions": [text]})
    records.save_checkpoint(tmp_path, 1, tensors(), {})
    blob = (tmp_path / NEWEST).read_bytes()
    assert int.from_bytes(blob[:8], "little") < 2_000 < len(text) < len(blob)
    saved = newest(tmp_path)
    assert saved.logs["samples.jsonl"] == (tmp_path / "samples.jsonl").read_text(encoding="utf-8")
    assert same(records.load_checkpoint(tmp_path)[1], tensors())


def test_a_checkpoint_of_before_has_its_logs_in_the_header(tmp_path):
    import safetensors.torch

    about = {"step": "3", "extra": "{}", "logs": '{"metrics.jsonl": "{}\\n"}', "sha256": "0" * 64}
    blob = safetensors.torch.save({"a": torch.zeros(3)}, about)
    at = blob.index(b"0" * 64)
    (tmp_path / NEWEST).write_bytes(blob[:at] + digest(blob, at) + blob[at + 64 :])
    assert newest(tmp_path).logs == {"metrics.jsonl": "{}\n"}


def test_a_checkpoint_is_an_ordinary_safetensors_file(tmp_path):
    from safetensors import safe_open

    records.save_checkpoint(tmp_path, 5, tensors(), {"a": 1})
    with safe_open(tmp_path / NEWEST, "pt") as file:
        assert file.metadata()["step"] == "5" and tensors().keys() <= set(file.keys())


def test_what_was_loaded_is_not_tied_to_what_was_saved(tmp_path):
    weight = torch.zeros(3)
    records.save_checkpoint(tmp_path, 1, {"a": weight, "b": weight[:2]}, {})  # shared memory too
    weight += 1
    assert same(records.load_checkpoint(tmp_path)[1], {"a": torch.zeros(3), "b": torch.zeros(2)})


def test_the_logs_reach_the_disk_before_the_checkpoint_that_vouches_for_them(tmp_path, monkeypatch):
    for name in LOGS:
        records.append(tmp_path, name, {"step": 1})
    order = []
    monkeypatch.setattr(os, "fsync", lambda handle: order.append(os.fstat(handle).st_ino))
    records.save_checkpoint(tmp_path, 1, tensors(), {})
    assert order == [(tmp_path / name).stat().st_ino for name in (*LOGS, NEWEST)]


def test_no_checkpoint_is_none(tmp_path):
    assert records.load_checkpoint(tmp_path) is None


def test_the_checkpoint_before_is_kept(tmp_path):
    for step in (1, 2, 3):
        records.save_checkpoint(tmp_path, step, tensors(step), {})
    assert content(tmp_path).keys() == {NEWEST, PREVIOUS}
    assert records.load_checkpoint(tmp_path)[0] == 3
    (tmp_path / NEWEST).unlink()
    step, got, _ = records.load_checkpoint(tmp_path)
    assert step == 2 and same(got, tensors(2))


@pytest.mark.parametrize("on_drive", [True, False])
def test_what_a_checkpoint_on_drive_replaces_is_emptied_first(tmp_path, monkeypatch, on_drive):
    """Drive keeps it in the bin for a month and counts it. Anywhere else it stays whole until it is replaced."""
    drive = tmp_path if on_drive else tmp_path / "elsewhere"
    new, old = tmp_path / NEWEST, tmp_path / PREVIOUS
    sizes, real = [], os.replace

    def watched(old, new):
        sizes.append(new.stat().st_size if new.exists() else None)
        real(old, new)

    monkeypatch.setattr(os, "replace", watched)
    for step in (b"1", b"2", b"3"):
        files.replace(new, step, keep=old, drive=drive)
    assert sizes == [None, None, None, 0 if on_drive else 1, None]
    assert (new.read_bytes(), old.read_bytes()) == (b"3", b"2")


@pytest.mark.parametrize("rename", [1, 2])
def test_a_crash_at_either_rename_costs_at_most_one_interval(tmp_path, monkeypatch, rename):
    records.save_checkpoint(tmp_path, 1, tensors(1), {})
    records.save_checkpoint(tmp_path, 2, tensors(2), {})
    real, count = os.replace, [0]

    def crash(*args):
        count[0] += 1
        if count[0] == rename:
            raise KeyboardInterrupt  # not an OSError: nothing may clean up
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", crash)
        with pytest.raises(KeyboardInterrupt):
            records.save_checkpoint(tmp_path, 3, tensors(3), {})
    step, got, _ = records.load_checkpoint(tmp_path)
    assert step == 2 and same(got, tensors(2))
    records.save_checkpoint(
        tmp_path, 3, tensors(3), {}
    )  # and the next one is as if nothing had happened
    assert records.load_checkpoint(tmp_path)[0] == 3
    assert content(tmp_path).keys() == {NEWEST, PREVIOUS}


def test_every_changed_byte_and_every_cut_is_found_and_nothing_is_touched(tmp_path):
    path = tmp_path / NEWEST
    records.save_checkpoint(
        tmp_path, 7, {"weight": torch.randn(3, 3), "step": torch.tensor(1.0)}, {"a": [1, 2]}
    )
    blob = path.read_bytes()
    damaged = [blob[:n] for n in range(len(blob))] + [blob + b"\0"]
    damaged += [
        blob[:i] + bytes([blob[i] ^ mask]) + blob[i + 1 :]
        for i in range(len(blob))
        for mask in (1, 32, 255)
    ]
    for piece in damaged:
        path.write_bytes(piece)
        with pytest.raises(RunError, match="damaged.*delete it.*step 0"):
            records.load_checkpoint(tmp_path)
        assert path.read_bytes() == piece
    path.write_bytes(blob)
    assert records.load_checkpoint(tmp_path)[0] == 7


def test_a_damaged_checkpoint_says_what_to_delete_and_where_that_leads(whole):
    (whole / "summary.json").unlink()
    (whole / NEWEST).write_bytes((whole / NEWEST).read_bytes()[:-1])
    before = content(whole)
    for call in (
        lambda: records.load_checkpoint(whole),
        lambda: records.open_run(whole, CONFIG, True),
    ):
        with pytest.raises(RunError) as error:
            call()
        message = str(error.value)
        assert (
            NEWEST in message
            and str(whole) in message
            and "delete it, and --resume goes on from step 4" in message
        )
    assert content(whole) == before
    (whole / NEWEST).unlink()  # what the message says
    assert records.open_run(whole, CONFIG, resume=True) == 4
    assert [line["step"] for line in records.read_jsonl(whole / "metrics.jsonl")] == [1, 2, 3, 4]


def test_two_damaged_checkpoints_are_both_named(whole):
    for name in (NEWEST, PREVIOUS):
        (whole / name).write_bytes(b"\0" * 100)
    with pytest.raises(RunError, match=f"{NEWEST} and {PREVIOUS}.*step 0"):
        records.load_checkpoint(whole)
    (whole / NEWEST).unlink()
    with pytest.raises(RunError, match=f"{PREVIOUS}.*step 0"):
        records.load_checkpoint(whole)


def test_another_models_file_is_not_taken_for_a_checkpoint(tmp_path):
    import safetensors.torch

    safetensors.torch.save_file({"a": torch.zeros(2)}, tmp_path / NEWEST, {"step": "3"})
    with pytest.raises(RunError, match="damaged"):
        records.load_checkpoint(tmp_path)


def test_the_module_works_without_torch_until_a_checkpoint_is_needed(tmp_path):
    script = (
        "import sys; sys.modules['torch'] = None; from pathlib import Path; from r1lab import records\n"
        "folder = Path(sys.argv[1]); records.open_run(folder, {}, False); records.append(folder, 'metrics.jsonl', {'step': 1})\n"
        "records.write_json(folder / 'summary.json', {}); print(len(records.load_run(folder).metrics))\n"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], env=env, capture_output=True, text=True
    )
    assert done.stdout == "1\n", done.stderr
