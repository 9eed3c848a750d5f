"""Continuing, refusing, starting again; faults in the middle; full disks."""

import errno
import json
import os
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from llm_encoders import EncoderConfig
from pyserini_ext.encode import parts as parts_module
from pyserini_ext.encode.parts import plan
from pyserini_ext.folders.manifest import Manifest
from pyserini_ext.folders.state import SKIPPED_DOCUMENTS_NAME, state_folder
from tests.pyserini_ext.encode.conftest import COUNT
from tests.pyserini_ext.encode.outputs import files, jsonl_ids, parts


def test_plan():
    assert [(p.number, p.start, p.stop) for p in plan(0, 100, 32)] == [
        (0, 0, 32),
        (1, 32, 64),
        (2, 64, 96),
        (3, 96, 100),
    ]
    assert [(p.number, p.start, p.stop) for p in plan(33, 66, 32)] == [(1, 33, 64), (2, 64, 66)]


def test_parts_and_a_rerun_that_has_nothing_to_do(encode, tmp_path):
    assert encode()[0] == 0
    before = {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in parts(tmp_path / "output")}
    assert sorted(before) == [f"embeddings.{i:05d}.jsonl" for i in range(4)]
    code, said = encode()
    assert code == 0 and "Everything is in place already." in said
    assert {
        p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in parts(tmp_path / "output")
    } == before


@pytest.mark.parametrize("damage", ["truncated", "edited", "removed"])
def test_a_damaged_part_is_encoded_again_and_no_other(encode, tmp_path, damage):
    encode()
    before = files(tmp_path / "output")
    victim = parts(tmp_path / "output")[2]
    content = victim.read_bytes()
    if damage == "truncated":
        victim.write_bytes(content[:-1])
    elif damage == "edited":
        victim.write_bytes(content.replace(b"1", b"2", 1))
    else:
        victim.unlink()
    times = [path.stat().st_mtime_ns for path in parts(tmp_path / "output") if path != victim]
    code, said = encode()
    assert code == 0 and "Resuming after 68 of 100 documents." in said
    fault = "is gone" if damage == "removed" else "was changed after it was written"
    assert f"{victim} {fault}. Its documents are encoded again." in said
    assert files(tmp_path / "output") == before
    assert [
        path.stat().st_mtime_ns for path in parts(tmp_path / "output") if path != victim
    ] == times


@pytest.mark.parametrize("kind", ["lucene", "faiss", "npz"])
def test_a_damaged_index_is_made_again(encode, tmp_path, stories, kind):
    encoder = f"{stories},paradigm={'dense' if kind == 'faiss' else 'sparse'},like=lion"
    assert encode(f"--to-{kind}", encoder=encoder)[0] == 0
    whole = files(tmp_path / "output")
    victim = max((tmp_path / "output").iterdir(), key=lambda path: path.stat().st_size)
    os.truncate(victim, victim.stat().st_size - 1)
    code, said = encode(f"--to-{kind}", encoder=encoder)
    assert code == 0 and f"{victim} was changed after it was written." in said
    if kind == "lucene":  # whose segments differ from run to run
        from pyserini.index.lucene import LuceneIndexReader

        assert LuceneIndexReader(str(tmp_path / "output")).stats()["documents"] == COUNT
    else:
        assert files(tmp_path / "output") == whole
    assert "in place already" in encode(f"--to-{kind}", encoder=encoder)[1]


@pytest.mark.parametrize(
    ("options", "difference"),
    [
        (["--max-length", 32], "encoder max length was absent, now 32"),
        (["--dtype", "bfloat16"], "encoder dtype was float32, now bfloat16"),
        (["--to-npz"], "output was jsonl, now npz"),
        (["--part-size", 64], "part size was 32, now 64"),
        (["--prefix", "passage:"], "encoder prefix was absent, now passage:"),
        (["--fields", "text"], "corpus content was "),
        (["--shard-num", 2], "shard was 0 of 1, now 0 of 2"),
    ],
)
def test_another_job_in_the_same_folder_is_refused(encode, tmp_path, options, difference):
    encode()
    before = files(tmp_path / "output")
    code, said = encode(*options)
    assert code == 2 and difference in said and "--overwrite" in said
    assert files(tmp_path / "output") == before


def test_a_changed_corpus_is_refused_and_overwrite_starts_again(encode, tmp_path, corpus):
    encode()
    lines = corpus.read_text().splitlines()
    corpus.write_text("\n".join(lines[:40]) + "\n")
    code, said = encode()
    assert code == 2
    assert "corpus documents was 100, now 40" in said and "corpus content was " in said
    assert encode("--overwrite")[0] == 0
    assert len(parts(tmp_path / "output")) == 2 and len(jsonl_ids(tmp_path / "output")) == 40


def test_a_touched_corpus_with_the_same_content_goes_on(encode, corpus):
    encode()
    os.utime(corpus, (1, 1))
    code, said = encode()
    assert code == 0 and "checking corpus" in said


def test_changed_weights_are_another_encoder(encode, tmp_path, stories):
    model = tmp_path / "model"
    shutil.copytree(stories, model)
    assert encode(encoder=f"{model},paradigm=sparse,like=lion")[0] == 0
    weights = load_file(model / "model.safetensors")
    save_file({k: v * 2 for k, v in weights.items()}, model / "model.safetensors", {"format": "pt"})
    code, said = encode(encoder=f"{model},paradigm=sparse,like=lion")
    assert code == 2 and "encoder backbone model.safetensors was " in said


def poison(stories, folder):
    """A model that makes NaN of the token 'X' (and, its embeddings being tied, of sparse heads)."""
    from transformers import AutoTokenizer

    shutil.copytree(stories, folder)
    weights = load_file(folder / "model.safetensors")
    name = next(name for name in weights if name.endswith("embed_tokens.weight"))
    (token,) = AutoTokenizer.from_pretrained(folder).encode("X")[-1:]
    weights[name][token] = np.nan
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return folder


def test_not_finite_activations_stop_or_are_listed(encode, corpus, tmp_path, stories):
    encoder = f"{poison(stories, tmp_path / 'model')},paradigm=dense,like=lion"
    documents = [{"id": f"d{i}", "text": "a story"} for i in range(70)]
    documents[40]["text"] = "X"
    corpus.write_text("".join(json.dumps(d) + "\n" for d in documents))
    code, said = encode(encoder=encoder)
    assert code == 1
    fault = f"{corpus}, line 41: document 'd40': NaN or infinite activations in float32. "
    assert fault + "The weights are damaged, or too large. Or leave such documents out" in said
    assert [path.name for path in parts(tmp_path / "output")] == ["embeddings.00000.jsonl"]
    code, said = encode("--on-error", "skip", encoder=encoder)
    assert code == 0 and "1 documents were left out for NaN" in said
    assert jsonl_ids(tmp_path / "output") == [f"d{i}" for i in range(70) if i != 40]
    listed = (state_folder(tmp_path / "output") / SKIPPED_DOCUMENTS_NAME).read_text()
    assert listed.startswith(f"{corpus}, line 41: document 'd40'")


def test_all_zero_vectors_are_counted(encode, tmp_path, stories):
    shutil.copytree(stories, tmp_path / "model")
    EncoderConfig(paradigm="sparse", impact_scale=1e-6).save(tmp_path / "model")
    code, said = encode(encoder=str(tmp_path / "model"))
    assert code == 0 and "100 documents have an all-zero vector (MED-10, " in said
    assert len(jsonl_ids(tmp_path / "output")) == COUNT


@pytest.mark.parametrize("option", [(), ("--to-npz",), ("--to-faiss",)])
def test_a_full_disk_leaves_the_finished_parts_good(encode, tmp_path, stories, monkeypatch, option):
    encoder = f"{stories},paradigm={'dense' if option == ('--to-faiss',) else 'sparse'},like=lion"
    assert encode(*option, output="expected", encoder=encoder)[0] == 0
    fsync, calls = os.fsync, []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) > 7:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    code, said = encode(*option, encoder=encoder)
    assert code == 1 and "No space left on device" in said and "What is finished is kept" in said
    done = len(Manifest.load(tmp_path / "output").parts)
    assert 0 < done < 4
    assert not list(tmp_path.rglob("*.partial"))
    monkeypatch.setattr(os, "fsync", fsync)
    code, said = encode(*option, encoder=encoder)
    assert code == 0 and f"Resuming after {32 * done} of 100 documents." in said
    assert files(tmp_path / "output") == files(tmp_path / "expected")


def test_a_really_full_disk(encode, tmp_path, monkeypatch):
    """The file system itself says so: /dev/full takes nothing."""
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    create = parts_module.JsonlPart.__init__

    def on_full_device(self, path, vocabulary):
        create(self, path, vocabulary)
        self._stream.close()
        self._stream = open("/dev/full", "wb")  # noqa: SIM115

    monkeypatch.setattr(parts_module.JsonlPart, "__init__", on_full_device)
    code, said = encode()
    assert code == 1 and "embeddings.00000.jsonl: No space left on device" in said
    assert not list((tmp_path / "output").iterdir())
    assert not list(state_folder(tmp_path / "output").rglob("*.partial"))


def test_sigterm_is_like_ctrl_c(encode, tmp_path, monkeypatch):
    from pyserini_ext.encode.part_encoder import PartEncoder

    inner = PartEncoder._encode

    def terminated(self, *arguments):
        os.kill(os.getpid(), 15)
        return inner(self, *arguments)

    monkeypatch.setattr(PartEncoder, "_encode", terminated)
    code, said = encode()
    assert code == 130 and "What is finished is kept; run the same command again to resume." in said


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["local", pytest.param("ray", marks=pytest.mark.whole)])
def test_an_error_in_a_worker_ends_the_run(encode, corpus, tmp_path, stories, engine):
    if engine == "ray":
        pytest.importorskip("ray", reason="needs Ray (pip install '.[ray]')")
    encoder = f"{poison(stories, tmp_path / 'model')},paradigm=dense,like=lion"
    corpus.write_text('{"id": "a", "text": "ok"}\n{"id": "b", "text": "X"}\n')
    code, said = encode("--workers", 2, "--engine", engine, encoder=encoder)
    assert code == 1 and f"{corpus}, line 2: document 'b': NaN" in said
    if engine == "local":
        more = ("--max-length", 1, "--overwrite")  # the journal has document 'a'
        code, said = encode("--workers", 2, *more, encoder=encoder)
        assert code == 2 and "leaves no room" in said


def test_a_failed_part_keeps_later_ones_out_of_the_index(encode, tmp_path, monkeypatch):
    from pyserini_ext.indexes.lucene import LuceneImpactWriter

    add, calls = LuceneImpactWriter.add, []

    def failing(self, ids, impacts, vocabulary):
        calls.append(ids)
        if len(calls) == 2:
            raise RuntimeError("a fault in the second part")
        add(self, ids, impacts, vocabulary)

    monkeypatch.setattr(LuceneImpactWriter, "add", failing)
    code, said = encode("--to-lucene")
    assert code == 1 and "unexpected RuntimeError: a fault in the second part" in said
    assert len(calls) == 2
    monkeypatch.setattr(LuceneImpactWriter, "add", add)
    assert encode("--to-lucene")[0] == 0
    from pyserini.index.lucene import LuceneIndexReader

    assert LuceneIndexReader(str(tmp_path / "output")).stats()["documents"] == COUNT
