"""What a regression uses again: outputs that are whole and current, and nothing else."""

import json
from pathlib import Path

from pyserini_ext.conditions.steps import parse_steps
from pyserini_ext.regress import fingerprints
from pyserini_ext.regress.fingerprints import fingerprint_of
from pyserini_ext.regress.outputs import StepOutput
from tests.pyserini_ext.regress.conftest import ALL, kill_after


def test_a_half_written_run_is_made_again(finished, capsys):
    run = finished.output / "run.tiny.bm25.cacm.txt"
    whole = run.read_bytes()
    run.write_bytes(whole[: len(whole) // 2])
    assert finished.regress() == 0
    assert finished.runner.calls == ALL[2:]
    assert (
        "made again: it was changed, or cut short, after it was written" in capsys.readouterr().out
    )
    assert run.read_bytes() == whole


def test_an_index_that_lost_a_part_is_made_again(finished):
    part = finished.output / "indexes" / "tiny-cacm.bm25" / "corpus.jsonl"
    whole = part.read_bytes()
    part.write_bytes(whole[: len(whole) // 2])
    assert finished.regress() == 0
    assert finished.runner.calls == [ALL[1], ALL[3]] and part.read_bytes() == whole


def test_a_run_of_the_same_length_but_other_content_is_made_again(finished):
    run = finished.output / "run.tiny.bm25.cacm.txt"
    whole = run.read_bytes()
    run.write_bytes(whole.replace(b"q0 ", b"q9 ", 1))
    assert run.stat().st_size == len(whole) and run.read_bytes() != whole
    assert finished.regress() == 0
    assert finished.runner.calls == ALL[2:] and run.read_bytes() == whole


def test_the_digest_of_our_code_covers_every_module(tmp_path, monkeypatch):
    """A version stays the same between two commits."""
    modules = [
        tmp_path / name
        for name in ("llm_encoders/a.py", "pyserini_ext/b.py", "pyserini_ext/regress/c.py")
    ]
    for module in modules:
        module.parent.mkdir(parents=True, exist_ok=True)
        module.write_text("x = 1\n")
    monkeypatch.setattr(fingerprints, "__file__", str(modules[-1]))
    found = set()
    for module in (None, *modules):
        if module is not None:
            module.write_text("x = 2\n")
        fingerprints.versions.cache_clear()
        found.add(fingerprints.versions()["code"])
    fingerprints.versions.cache_clear()
    assert len(found) == 4


def test_what_a_kill_leaves_is_no_run(finished, monkeypatch):
    """While the search writes, and after that, before the run is recorded as whole."""
    run = finished.output / "run.tiny.bm25.cacm.txt"
    run.unlink()
    monkeypatch.setattr(
        finished.runner, "_search", kill_after(run.with_name(f"{run.name}.partial"))
    )
    assert finished.regress() == 130
    assert not run.exists() and run.with_name(f"{run.name}.partial").exists()
    monkeypatch.undo()
    assert finished.regress() == 0 and finished.runner.calls == ALL[2:]
    record = run.with_name(f"{run.name}.fingerprint.json")
    values = json.loads(record.read_text())
    del values["files"]
    record.write_text(json.dumps(values))
    assert finished.regress() == 0 and finished.runner.calls == ALL[2:]


def test_what_depends_on_a_changed_collection_is_made_again(finished, monkeypatch):
    corpus = finished.data / "cacm" / "corpus.jsonl"
    corpus.write_text(corpus.read_text().replace("heat", "cold"))
    fingerprints._content.cache_clear()  # a new process reads it anew
    assert finished.regress() == 1
    assert finished.runner.calls == ALL
    monkeypatch.setattr(fingerprints, "versions", lambda: {"code": "another"})
    assert finished.regress() == 1 and finished.runner.calls == ALL


def test_indexes_that_took_long_are_not_made_again_unasked(finished, monkeypatch, capsys):
    record = finished.output / "indexes" / "tiny-cacm.bm25.fingerprint.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"seconds": 36000}))
    monkeypatch.setattr(fingerprints, "versions", lambda: {"code": "another"})
    assert finished.regress() == 2
    said = capsys.readouterr().err
    assert "tiny-cacm.bm25 took 10.0 hours to make, by other code" in said
    assert finished.regress("--stale-indexes", "use") == 0
    assert ALL[1] not in finished.runner.calls and ALL[2] in finished.runner.calls
    assert finished.regress("--stale-indexes", "use") == 0
    assert finished.runner.calls == ["eval.trec_eval"]
    assert finished.regress("--stale-indexes", "renew") == 0
    assert finished.runner.calls == ALL[1:]


def test_another_encoder_or_contract_is_another_run():
    def of(spec):
        words = ("--encoder", spec, "--output", "run.txt")
        (step,) = parse_steps(f"python -m pyserini.search.lucene {' '.join(words)}")
        return fingerprint_of(step, [], Path())["encoder"]

    sparse, cut = of("llm-splade-tiny"), of("llm-splade-tiny,query_top_k=5")
    assert sparse["contract"] != cut["contract"] and sparse["adapter"] == cut["adapter"]
    assert len(sparse["adapter"]["adapter_model.safetensors"]) == 64
    assert of("llm-dense-tiny")["adapter"] != sparse["adapter"]


def test_encoding_is_resumed_and_an_index_of_lucene_begun_again(tmp_path):
    encode, index = parse_steps(
        "python -m pyserini.encode --embeddings vectors && python -m pyserini.index.lucene "
        "--index index"
    )
    for step, kept in ((encode, True), (index, False)):
        output = StepOutput(tmp_path, step, {"command": "this"})
        output.begin()
        output.path.mkdir()
        (output.path / "part").touch()
        assert output.why_not() == "it was not finished" and output.resumable == kept
        output.begin()
        assert (output.path / "part").exists() == kept
        other = StepOutput(tmp_path, step, {"command": "that"})
        assert not other.resumable
        other.begin()
        assert not output.path.exists()
