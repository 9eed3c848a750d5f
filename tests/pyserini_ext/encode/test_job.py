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
from pyserini_ext.encode.command import main
from pyserini_ext.encode.manifest import Manifest
from pyserini_ext.encode.parts import plan
from tests.pyserini_ext.encode.outputs import files, jsonl_ids

COUNT = 100


@pytest.fixture
def corpus(tmp_path, shared_data):
    lines = (shared_data / "collections/nfcorpus/corpus.jsonl").read_text().splitlines()
    path = tmp_path / "corpus.jsonl"
    path.write_text("\n".join(lines[:COUNT]) + "\n")
    return path


@pytest.fixture
def encode(corpus, stories, tmp_path, capsys):
    """Run the command in four parts; returns its exit code and what it said."""

    def encode(*more, output="output", encoder=f"{stories},paradigm=sparse"):
        words = ["--encoder", encoder, "--corpus", corpus, "--embeddings", tmp_path / output]
        words += ["--batch-size", 1, "--part-size", 32, *more]
        code = main([str(word) for word in words])
        return code, capsys.readouterr().err

    return encode


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
    before = {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in parts(tmp_path)}
    assert sorted(before) == [f"embeddings.{i:05d}.jsonl" for i in range(4)]
    code, said = encode()
    assert code == 0 and "Everything is in place already." in said
    assert {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in parts(tmp_path)} == before


def parts(tmp_path, output="output"):
    return sorted((tmp_path / output).glob("*.jsonl"))


@pytest.mark.parametrize("damage", ["truncated", "edited", "removed"])
def test_a_damaged_part_is_encoded_again_and_no_other(encode, tmp_path, damage):
    encode()
    before = files(tmp_path / "output")
    victim = parts(tmp_path)[2]
    content = victim.read_bytes()
    if damage == "truncated":
        victim.write_bytes(content[:-1])
    elif damage == "edited":
        victim.write_bytes(content.replace(b"1", b"2", 1))
    else:
        victim.unlink()
    times = [path.stat().st_mtime_ns for path in parts(tmp_path) if path != victim]
    code, said = encode()
    assert code == 0 and "Going on after 68 of 100 documents." in said
    fault = "is gone" if damage == "removed" else "was changed after it was written"
    assert f"{victim} {fault}." in said and f"{victim} is encoded again." in said
    assert files(tmp_path / "output") == before
    assert [path.stat().st_mtime_ns for path in parts(tmp_path) if path != victim] == times


@pytest.mark.parametrize("kind", ["lucene", "faiss", "npz"])
def test_a_damaged_index_is_made_again(encode, tmp_path, stories, kind):
    encoder = f"{stories},paradigm={'dense' if kind == 'faiss' else 'sparse'}"
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
    assert len(parts(tmp_path)) == 2 and len(jsonl_ids(tmp_path / "output")) == 40


def test_a_touched_corpus_with_the_same_content_goes_on(encode, corpus):
    encode()
    os.utime(corpus, (1, 1))
    code, said = encode()
    assert code == 0 and "checking corpus" in said


def test_changed_weights_are_another_encoder(encode, tmp_path, stories):
    model = tmp_path / "model"
    shutil.copytree(stories, model)
    assert encode(encoder=f"{model},paradigm=sparse")[0] == 0
    weights = load_file(model / "model.safetensors")
    save_file({k: v * 2 for k, v in weights.items()}, model / "model.safetensors", {"format": "pt"})
    code, said = encode(encoder=f"{model},paradigm=sparse")
    assert code == 2 and "encoder backbone model.safetensors was " in said


def test_a_removed_output_leaves_nothing_behind_that_binds(encode, tmp_path):
    encode()
    shutil.rmtree(tmp_path / "output")
    code, said = encode("--max-length", 32)
    assert code == 0 and "is gone" not in said
    assert len(jsonl_ids(tmp_path / "output")) == COUNT


def test_the_output_folder_holds_nothing_but_the_output(encode, tmp_path):
    encode()
    assert sorted(p.name for p in (tmp_path / "output").iterdir()) == [
        p.name for p in parts(tmp_path)
    ]


def test_faulty_lines_are_skipped_and_listed(encode, corpus, tmp_path):
    lines = corpus.read_text().splitlines()
    lines[4:4] = ['{"id": "x"', *[lines[0]] * 11]
    corpus.write_text("\n".join(lines))
    code, said = encode("--on-error", "skip")
    listed = (tmp_path / "output.state" / "skipped-lines.txt").read_text().splitlines()
    assert code == 0 and "12 faulty lines were left out" in said and said.count("skipped: ") == 10
    assert len(listed) == 12 and listed[0].startswith(f"{corpus}, line 5: ")
    assert listed[-1] == f"{corpus}, line 16: id 'MED-10' occurs before."
    assert len(jsonl_ids(tmp_path / "output")) == COUNT
    code, said = encode("--on-error", "skip")
    assert code == 0 and "12 faulty lines were left out" in said  # also where nothing is read anew
    code, said = encode()
    assert code == 1 and "12 faulty lines" in said and "the first 10 above" in said
    kept = tmp_path / "output.state"
    assert (kept / "skipped-lines.txt").read_text().splitlines() == listed
    assert sorted(path.name for path in kept.iterdir()) == [
        *("census.json", "manifest.json", "skipped-lines.txt"),
    ]
    assert encode("--on-error", "skip", "--overwrite")[0] == 0
    assert (kept / "skipped-lines.txt").read_text().splitlines() == listed


def test_a_mount_point_has_no_place_beside_it(encode, monkeypatch, tmp_path):
    monkeypatch.setattr(os.path, "ismount", lambda path: path == tmp_path / "output")
    code, said = encode()
    assert code == 2 and "Give a folder inside it" in said


def test_files_of_something_else_are_not_mixed_with(encode, tmp_path):
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / "other.jsonl").write_text('{"id": "1"}\n')
    code, said = encode()
    assert code == 2 and "other.jsonl" in said
    assert encode("--overwrite")[0] == 0
    assert (tmp_path / "output" / "other.jsonl").exists()


def test_a_broken_manifest_is_a_sentence(encode, tmp_path):
    encode()
    (tmp_path / "output.state" / "manifest.json").write_text("{")
    code, said = encode()
    assert code == 1 and "manifest.json, line 1: not valid JSON" in said
    assert "give --overwrite to start again" in said
    assert encode("--overwrite")[0] == 0


def test_a_broken_census_is_taken_again(encode, tmp_path):
    encode()
    before = files(tmp_path / "output")
    (tmp_path / "output.state" / "census.json").write_text("{")
    code, said = encode()
    assert code == 0 and "checking corpus" in said and "Everything is in place" in said
    assert files(tmp_path / "output") == before


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
    encoder = f"{poison(stories, tmp_path / 'model')},paradigm=dense"
    documents = [{"id": f"d{i}", "text": "a story"} for i in range(70)]
    documents[40]["text"] = "X"
    corpus.write_text("".join(json.dumps(d) + "\n" for d in documents))
    code, said = encode(encoder=encoder)
    assert code == 1
    assert f"{corpus}, line 41: document 'd40': NaN or infinite activations in float32" in said
    assert [path.name for path in parts(tmp_path)] == ["embeddings.00000.jsonl"]
    code, said = encode("--on-error", "skip", encoder=encoder)
    assert code == 0 and "1 documents were left out for NaN" in said
    assert jsonl_ids(tmp_path / "output") == [f"d{i}" for i in range(70) if i != 40]
    listed = (tmp_path / "output.state" / "skipped-documents.txt").read_text()
    assert listed.startswith(f"{corpus}, line 41: document 'd40'")


def test_all_zero_vectors_are_counted(encode, tmp_path, stories):
    shutil.copytree(stories, tmp_path / "model")
    EncoderConfig(paradigm="sparse", impact_scale=1e-6).save(tmp_path / "model")
    code, said = encode(encoder=str(tmp_path / "model"))
    assert code == 0 and "100 documents have an all-zero vector (MED-10, " in said
    assert len(jsonl_ids(tmp_path / "output")) == COUNT


@pytest.mark.parametrize("option", [(), ("--to-npz",), ("--to-faiss",)])
def test_a_full_disk_leaves_the_finished_parts_good(encode, tmp_path, stories, monkeypatch, option):
    encoder = f"{stories},paradigm={'dense' if option == ('--to-faiss',) else 'sparse'}"
    assert encode(*option, output="expected", encoder=encoder)[0] == 0
    fsync, calls = os.fsync, []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) > 7:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    code, said = encode(*option, encoder=encoder)
    assert code == 1 and "No space left on device" in said and "Finished parts are good" in said
    done = len(Manifest.load(tmp_path / "output").parts)
    assert 0 < done < 4
    assert not list((tmp_path / "output").rglob("*.partial"))
    monkeypatch.setattr(os, "fsync", fsync)
    code, said = encode(*option, encoder=encoder)
    assert code == 0 and f"Going on after {32 * done} of 100 documents." in said
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
    assert code == 1 and "No space left on device" in said
    assert not (tmp_path / "output").exists()


def test_sigterm_is_like_ctrl_c(encode, tmp_path, monkeypatch):
    from pyserini_ext.encode.part_encoder import PartEncoder

    inner = PartEncoder._encode

    def terminated(self, *arguments):
        os.kill(os.getpid(), 15)
        return inner(self, *arguments)

    monkeypatch.setattr(PartEncoder, "_encode", terminated)
    code, said = encode()
    assert code == 130 and "Finished parts are good; run again to go on." in said


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["local", "ray"])
def test_an_error_in_a_worker_ends_the_run(encode, corpus, tmp_path, stories, engine):
    if engine == "ray":
        pytest.importorskip("ray", reason="needs Ray (pip install '.[ray]')")
    encoder = f"{poison(stories, tmp_path / 'model')},paradigm=dense"
    corpus.write_text('{"id": "a", "text": "ok"}\n{"id": "b", "text": "X"}\n')
    code, said = encode("--workers", 2, "--engine", engine, encoder=encoder)
    assert code == 1 and f"{corpus}, line 2: document 'b': NaN" in said
    code, said = encode("--workers", 2, "--max-length", 1, "--engine", engine, encoder=encoder)
    assert code == (2 if engine == "local" else 1) and "leaves no room" in said


def test_overwrite_removes_parts_that_no_manifest_knows(encode, tmp_path):
    encode()
    (tmp_path / "output.state" / "manifest.json").write_text("{")
    assert encode("--overwrite", "--part-size", 64)[0] == 0
    assert len(parts(tmp_path)) == 2 and len(jsonl_ids(tmp_path / "output")) == COUNT


def test_a_failed_part_keeps_later_ones_out_of_the_index(encode, tmp_path, monkeypatch):
    from pyserini_ext.lucene import LuceneImpactWriter

    add, calls = LuceneImpactWriter.add, []

    def failing(self, ids, impacts, vocabulary):
        calls.append(ids)
        if len(calls) == 2:
            raise RuntimeError("a fault in the second part")
        add(self, ids, impacts, vocabulary)

    monkeypatch.setattr(LuceneImpactWriter, "add", failing)
    with pytest.raises(RuntimeError, match="second part"):
        encode("--to-lucene")
    assert len(calls) == 2
    monkeypatch.setattr(LuceneImpactWriter, "add", add)
    assert encode("--to-lucene")[0] == 0
    from pyserini.index.lucene import LuceneIndexReader

    assert LuceneIndexReader(str(tmp_path / "output")).stats()["documents"] == COUNT
