"""What was read from a publisher's files is said once."""

import pytest

from llm_encoders import EncoderConfig
from llm_encoders.checkpoints import announcement
from llm_encoders.checkpoints.announcement import announce, unannounced
from llm_encoders.checkpoints.resolve import resolve

QWEN3 = "Qwen/Qwen3-Embedding-0.6B"


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch):
    monkeypatch.setattr(announcement, "_said", set())


@pytest.fixture
def published(shared_data, monkeypatch):
    monkeypatch.chdir(shared_data / "checkpoints")


def test_one_line_with_the_file_behind_each_value(published, capsys):
    for _ in range(2):
        announce(resolve(QWEN3))
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert line.startswith(f"{QWEN3}: dense encoder in the layout of sentence-transformers: ")
    assert "attention=causal" in line and "pooling=last" in line
    assert "; projections=none (modules.json)" in line and "normalize=True" in line
    assert "query_max_length=32768" in line


def test_what_the_user_has_replaced_is_not_said(published, capsys):
    announce(resolve(QWEN3, changes={"query_max_length": 512}))
    line = capsys.readouterr().err
    assert "query_max_length" not in line and "passage_max_length=32768" in line


def test_another_name_is_another_line(published, capsys):
    announce(resolve(QWEN3))
    announce(resolve("naver/splade-code-06B"))
    assert capsys.readouterr().err.count("in the layout of sentence-transformers") == 2


def test_our_own_contract_and_named_encoders_are_silent(shared_data, hub, tmp_path, capsys):
    (hub / "Qwen").mkdir()
    (hub / QWEN3).symlink_to(shared_data / "checkpoints" / QWEN3)
    announce(resolve("qwen3-embedding-0.6b"))
    announce(resolve("llm-dense-tiny"))
    own = tmp_path / "own"
    own.mkdir()
    (own / "config.json").write_text("{}")
    EncoderConfig("dense").save(own)
    announce(resolve(str(own)))
    assert capsys.readouterr().err == ""


def test_a_process_that_another_has_spoken_for(published, capsys):
    with unannounced():
        announce(resolve(QWEN3))
    assert capsys.readouterr().err == ""
    announce(resolve(QWEN3))
    assert capsys.readouterr().err != ""
