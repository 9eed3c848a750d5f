"""The folder of a lookup table: whole or not there, and every fault a sentence with the file."""

import dataclasses
import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from llm_encoders import EncoderConfig, EncoderError, UsageError, load_lookup
from llm_encoders.checkpoints.teacher import Teacher
from llm_encoders.encoding.lookup import files
from llm_encoders.encoding.lookup.from_teacher import teacher_tokenizer


def saved(table, name="weights", **metadata):
    return lambda folder: save_file({name: table}, folder / "lookup.safetensors", metadata or None)


def edited(file, old, new):
    def edit(folder):
        text = (folder / file).read_text(encoding="utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")

    return edit


def with_values(values):
    """The table with some values replaced, written past the checks of the writer."""

    def write(folder):
        table = load_lookup(folder)._array.copy()
        for row, value in values.items():
            table[row] = value
        save_file({"weights": table}, folder / "lookup.safetensors", {"vocabulary": "0" * 64})

    return write


SIZE = 16384
FAULTS = {
    "absent": (
        lambda folder: (folder / "lookup.safetensors").unlink(),
        r"lookup\.safetensors is absent, which holds the table of the contract",
    ),
    "no table": (
        lambda folder: (folder / "lookup.safetensors").write_bytes(b"nothing"),
        r"Cannot read .*lookup\.safetensors: .*Fetch",
    ),
    "another name": (saved(np.ones(SIZE, np.float32), "w"), r"holds w; .* is called 'weights'"),
    "half": (saved(np.ones(SIZE, np.float16)), r"weights is in F16; expected F32"),
    "matrix": (saved(np.ones((SIZE, 2), np.float32)), r"shape \[16384, 2\]; expected \[voc"),
    "short": (
        saved(np.ones(SIZE - 1, np.float32), vocabulary="0" * 64),
        r"lookup\.safetensors has weights of 16,383 terms, .* llm-splade-tiny has 16,384",
    ),
    "silent": (saved(np.ones(SIZE, np.float32)), r"does not say which terms its rows stand for"),
    "other terms": (
        saved(np.ones(SIZE, np.float32), vocabulary="0" * 64),
        r"tokenizer\.json has other tokens than lookup\.safetensors was made for",
    ),
    "not a number": (
        with_values({5: np.nan, 9: -1}),
        r"lookup\.safetensors: weights has 1 faulty rows; row 5 holds nan, which is not finite",
    ),
    "negative": (
        with_values({7: -0.5, 9: -1}),
        r"weights has 2 faulty rows; row 7 holds -0\.5, which is negative",
    ),
    "tokenizer": (edited("tokenizer.json", "{", "["), r"tokenizer\.json is no tokenizer: "),
    "renamed": (edited("tokenizer.json", '"Ġvitamin"', '"Ġvitaminn"'), r"tokenizer\.json"),
    "larger": (
        edited("tokenizer.json", '"added_tokens": [', '"added_tokens": [{"id": 16384, "content": '
               '"<x>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": '
               'false, "special": true},'),
        r"tokenizer\.json has 16,385 tokens, but lookup\.safetensors 16,384 rows",
    ),
    "teacher's terms": (
        lambda folder: dataclasses.replace(Teacher.load(folder), vocabulary="0" * 64).save(folder),
        r"tokenizer\.json: its 16,384 index terms are not the 16,384 of its teacher llm-splade",
    ),
    "contract": (
        edited("encoder_config.json", '"special_tokens": false', '"special_tokens": true'),
        r"encoder_config\.json: special_tokens is True, but its queries are encoded by a lookup",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_faults(sparse, tmp_path, fault):
    folder, (spoil, message) = sparse.write(tmp_path / "student"), FAULTS[fault]
    spoil(folder)
    with pytest.raises(EncoderError, match=message):
        load_lookup(folder)


def test_vectors_of_another_dimension(dense, tmp_path):
    folder = dense.write(tmp_path / "student")
    save_file({"vectors": dense.table[:, 1:].copy()}, folder / "lookup.safetensors")
    with pytest.raises(EncoderError, match=r"lookup\.safetensors: its vectors have 255 comp.* 256"):
        load_lookup(folder)


def test_the_writer_refuses_the_same(sparse, dense, tmp_path):
    folder = tmp_path / "student"
    with pytest.raises(EncoderError, match="row 0 holds inf, which is not finite"):
        sparse.write(folder, table=np.full(SIZE, np.inf, np.float32))
    with pytest.raises(EncoderError, match="weights of 3 terms"):
        sparse.write(folder, table=np.ones(3, np.float32))
    with pytest.raises(EncoderError, match="255 components"):
        dense.write(folder, table=dense.table[:, 1:])
    tokenizer = teacher_tokenizer(sparse.teacher)
    tokenizer.add_tokens(["newword"])
    with pytest.raises(EncoderError, match="has 16,385 tokens"):
        sparse.write(folder, tokenizer=tokenizer)
    with pytest.raises(UsageError, match="query_prefix"):
        sparse.write(folder, config=dataclasses.replace(sparse.contract, query_prefix="q: "))
    assert not folder.exists()


def test_a_folder_with_a_contract_is_complete(sparse, tmp_path, monkeypatch):
    """Another table over an older one: a kill in between leaves no mixture of the two."""
    folder = sparse.write(tmp_path / "student")
    (folder / "log.jsonl").write_text("{}")
    monkeypatch.setattr(Teacher, "save", lambda self, folder: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        sparse.write(folder, table=sparse.table + 1)
    with pytest.raises(EncoderError, match="holds neither config.json"):
        load_lookup(folder)
    monkeypatch.undo()
    sparse.write(folder, table=sparse.table + 1)
    assert (load_lookup(folder)._array == sparse.table + 1).all()
    assert {path.name for path in folder.iterdir()} == {
        *("encoder_config.json", "lookup.safetensors", "tokenizer.json", "teacher.json"),
        "log.jsonl",
    }
    assert EncoderConfig.load(folder) == sparse.contract


def test_written_options(sparse, tmp_path):
    folder = sparse.write(tmp_path / "student")
    assert load_lookup(f"{folder},query_top_k=1").encode_queries(["cats hunt mice"]).nnz == 1
    with pytest.raises(UsageError, match="special_tokens"):
        load_lookup(f"{folder},special_tokens=true")


def test_another_encoder_is_no_table():
    with pytest.raises(UsageError, match="is no lookup table: .* 'model'. Open it with llm_enc"):
        load_lookup("llm-splade-tiny")


def test_the_same_table_has_the_same_bytes(sparse, tmp_path):
    one, other = (sparse.write(tmp_path / name) for name in ("one", "other"))
    for path in one.iterdir():
        assert path.read_bytes() == (other / path.name).read_bytes(), path.name
    assert json.loads((one / "teacher.json").read_text())["name"] == "llm-splade-tiny"
    assert files.TABLE_NAME in {path.name for path in one.iterdir()}
