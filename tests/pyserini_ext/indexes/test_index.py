"""``python -m pyserini_ext.index`` against the stock command, and its faults."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from pyserini_ext.folders.manifest import Manifest, PartRecord
from pyserini_ext.folders.state import building_folder, has_unfinished_work, state_folder
from pyserini_ext.indexes.command import main
from pyserini_ext.indexes.lucene import LuceneImpactWriter
from tests.pyserini_ext.encode.outputs import lucene_hits

DOCUMENTS = 3000


def synthetic(count=DOCUMENTS, terms=60, vocabulary=4000, seed=0):
    """Vectors with ties, terms with delimiters of all kinds, and a document without impacts."""
    random = np.random.default_rng(seed)
    names = [f"Ġt{i}|{i % 7}^" if i % 5 else f"t{i}" for i in range(vocabulary)]
    vectors = [
        {
            names[c]: int(v)
            for c, v in zip(
                random.choice(vocabulary, terms, replace=False),
                random.integers(1, 60, terms),
                strict=True,
            )
        }
        for _ in range(count)
    ]
    vectors[17] = {}
    vectors[18] = {"t0": 3.0, "t5": 0}
    return vectors


def write(folder, vectors, files=2):
    folder.mkdir()
    for number in range(files):
        opener = gzip.open if number else open
        name = f"embeddings.{number}.jsonl{'.gz' if number else ''}"
        with opener(folder / name, "wt") as stream:
            for i in range(number, len(vectors), files):
                record = {"id": f"d{i}", "contents": "", "vector": vectors[i]}
                stream.write(json.dumps(record) + "\n")


@pytest.fixture(scope="module")
def vectors():
    return synthetic()


@pytest.fixture(scope="module")
def jsonl(tmp_path_factory, vectors):
    folder = tmp_path_factory.mktemp("vectors") / "jsonl"
    write(folder, vectors)
    return folder


@pytest.fixture(scope="module")
def stock(tmp_path_factory, jsonl, warm_python):
    index = tmp_path_factory.mktemp("stock") / "index"
    warm_python(
        *("-m", "pyserini.index.lucene", "--collection", "JsonVectorCollection"),
        *("--input", jsonl, "--index", index, "--threads", 2, "--impact", "--pretokenized"),
        *("--generator", "DefaultLuceneDocumentGenerator"),
    )
    return index


def queries(vectors):
    return [*vectors[:10], {"t5": 1}, {"t0": 2, "t10": 1}, *synthetic(20, 300, seed=1)[:5]]


@pytest.mark.slow
def test_finds_what_the_stock_index_finds(tmp_path, jsonl, stock, vectors, capfd):
    assert main(["--input", str(jsonl), "--index", str(tmp_path / "index")]) == 0
    assert "1 documents have no impacts" in capfd.readouterr().err
    asked = queries(vectors)
    found = lucene_hits(tmp_path / "index", asked)
    assert found == lucene_hits(stock, asked)
    assert any(len(hits) > 100 for hits in found)
    assert main(["--input", str(jsonl), "--index", str(tmp_path / "index")]) == 0
    assert "in place already" in capfd.readouterr().err


@pytest.mark.slow
def test_killed_and_finished(tmp_path, jsonl, stock, vectors):
    index = tmp_path / "index"
    words = [sys.executable, "-m", "pyserini_ext.index", "--input", str(jsonl)]
    words += ["--index", str(index), "--commit-every", "512"]
    commits = 0
    while commits < 2:  # each of the kills falls right after another commit
        process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
        seen = segments(index)
        while segments(index) == seen and process.poll() is None:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "it ended before it could be killed"
        commits += 1
    result = subprocess.run(words, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "Resuming after" in result.stderr
    asked = queries(vectors)
    assert lucene_hits(index, asked) == lucene_hits(stock, asked)
    assert not [name for name in os.listdir(index) if name.startswith(".")]


def segments(index):
    return sorted(path.name for path in building_folder(index).glob("segments_*"))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "not valid JSON"),
        ('{"vector": {"a": 1}}', "no id"),
        ('{"id": "x"}', "no 'vector'"),
        ('{"id": "x", "vector": [0.5]}', "no 'vector' of the form"),
        ('{"id": "x", "vector": {"a": "1"}}', "the impact of 'a' is '1', not a number"),
        ('{"id": "x", "vector": {"a": true}}', "not a number"),
        ('{"id": "x", "vector": {"a": 3e9}}', "too large"),
        ('{"id": "x", "vector": {"a": 1, "b": NaN}}', "the impact of 'b' is nan"),
        ('{"id": "x", "vector": {"a": 1, "b": -Infinity}}', "the impact of 'b' is -inf"),
        ('{"id": "x", "vector": {"b": Infinity}}', "the impact of 'b' is inf"),
        ('{"id": "x", "vector": {"b": 1e999}}', "the impact of 'b' is inf"),
        (f'{{"id": "x", "vector": {{"b": {"9" * 400}}}}}', "99999…, which is too large"),
        (f'{{"id": "x", "vector": {{"b": {"9" * 5000}}}}}', "thousands of digits"),
        ('{"id": "x", "vector": {"a": -3}}', "the impact of 'a' is -3, which is negative"),
        ('{"id": "x", "vector": {"a": 3.9}}', "is 3.9, but Lucene holds integers. Quantise"),
        ('{"id": "x\\u0000", "vector": {"a": 3}}', "holds a control character"),
        ('{"id": "x y", "vector": {"a": 3}}', "holds whitespace"),
        ('{"id": "1", "vector": {"b": 3}}', "the id '1' was given before"),
        ('{"id": 1, "vector": {}}', "the id '1' was given before"),
        ('{"id": "x", "vector": {"a b": 1}}', "the term 'a b'"),
        ('{"id": "x", "vector": {"": 1}}', "the term ''"),
        ('{"id": "x", "vector": {"a\\u0001": 1}}', "the term 'a\\x01'"),
    ],
)
def test_faulty_lines(tmp_path, capfd, line, problem):
    (tmp_path / "v.jsonl").write_text(f'{{"id": "1", "vector": {{"a": 1}}}}\n{line}\n')
    words = ["--input", str(tmp_path / "v.jsonl"), "--index", str(tmp_path / "index")]
    assert main(words) == 1
    said = capfd.readouterr().err
    assert f"{tmp_path}/v.jsonl, line 2: " in said and problem in said
    assert not (tmp_path / "index").exists()


def test_wrong_input(tmp_path, capfd):
    assert main(["--input", str(tmp_path / "no"), "--index", str(tmp_path / "i")]) == 1
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "a.txt").write_text("x")
    assert main(["--input", str(tmp_path / "empty"), "--index", str(tmp_path / "i")]) == 1
    said = capfd.readouterr().err
    assert "There is no corpus" in said and "holds no JSONL files" in said
    assert not (tmp_path / "i").exists()


def test_several_inputs_are_one_index(tmp_path):
    for shard in range(2):
        (tmp_path / f"s{shard}").mkdir()
        line = json.dumps({"id": f"d{shard}", "vector": {"a": shard + 1}})
        (tmp_path / f"s{shard}" / "embeddings.00000.jsonl").write_text(f"{line}\n")
    words = ["--input", str(tmp_path / "s0"), str(tmp_path / "s1")]
    assert main([*words, "--index", str(tmp_path / "index")]) == 0
    assert lucene_hits(tmp_path / "index", [{"a": 1}]) == [[("d1", 2.0), ("d0", 1.0)]]


@pytest.mark.slow
def test_an_id_from_before_a_kill_is_known_after_it(tmp_path, monkeypatch, capfd):
    source, index = tmp_path / "v.jsonl", tmp_path / "index"
    ids = [*range(5000), 3]
    source.write_text("".join(f'{{"id": "d{i}", "vector": {{"a": 1}}}}\n' for i in ids))
    words = ["--input", str(source), "--index", str(index), "--commit-every", "2048"]
    add, calls = LuceneImpactWriter.add_words, []

    def interrupted(self, documents):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        add(self, documents)

    monkeypatch.setattr(LuceneImpactWriter, "add_words", interrupted)
    assert main(words) == 130 and has_unfinished_work(index) and not list(index.iterdir())
    assert main(words) == 1
    said = capfd.readouterr().err
    assert "Resuming after 4096 documents" in said
    assert f"{source}, line 5001: the id 'd3' was given before; ids must differ." in said


@pytest.mark.parametrize("options", [[], ["--overwrite"]])
def test_index_and_input_lie_apart(tmp_path, capfd, options):
    folder = tmp_path / "data"
    folder.mkdir()
    source = folder / "embeddings.00000.jsonl"
    source.write_text('{"id": "1", "vector": {"a": 1}}\n')
    for index in (folder, folder / "index", tmp_path):
        assert main(["--input", str(folder), "--index", str(index), *options]) == 2
        assert f"The index folder {index}" in capfd.readouterr().err
    assert main(["--input", str(source), "--index", str(folder), *options]) == 2
    assert [path.name for path in folder.iterdir()] == [source.name]


@pytest.mark.parametrize("name", ["segments_1", "index", "other.jsonl"])
@pytest.mark.parametrize("options", [[], ["--overwrite"]])
def test_a_folder_that_another_program_filled(tmp_path, capfd, name, options):
    (tmp_path / "v.jsonl").write_text('{"id": "1", "vector": {"a": 1}}\n')
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / name).write_text("theirs")
    words = ["--input", str(tmp_path / "v.jsonl"), "--index", str(tmp_path / "index")]
    assert main([*words, *options]) == 2
    said = capfd.readouterr().err
    assert f"holds {name}, which no recorded run" in said and "--overwrite" not in said
    assert (tmp_path / "index" / name).read_text() == "theirs"


@pytest.mark.parametrize("options", [["--index", ""], ["--index", "a\0b"], ["--index", "/"]])
def test_impossible_paths(tmp_path, options):
    with pytest.raises(SystemExit) as caught:
        main(["--input", str(tmp_path), *options])
    assert caught.value.code == 2


@pytest.mark.parametrize("options", [["--threads", "0"], ["--commit-every", str(2**63)]])
def test_impossible_numbers(tmp_path, options):
    with pytest.raises(SystemExit) as caught:
        main(["--input", str(tmp_path), "--index", str(tmp_path / "index"), *options])
    assert caught.value.code == 2


def encoded(folder, names, complete=True):
    """What an encode command leaves, as far as the index command looks at it."""
    folder.mkdir()
    for name in names:
        (folder / name).write_text(f'{{"id": "{name}", "vector": {{"a": 1}}}}\n')
    state_folder(folder).mkdir()
    parts = {n: PartRecord(n, name, 1, "") for n, name in enumerate(names)}
    Manifest(folder, {"output": "jsonl"}, parts=parts, complete=complete).save()


def test_an_encode_output_is_taken_whole_or_not_at_all(tmp_path, capfd):
    index = ["--index", str(tmp_path / "index")]
    encoded(tmp_path / "half", ["embeddings.00000.jsonl"], complete=False)
    assert main(["--input", str(tmp_path / "half"), *index]) == 1
    assert "not finished" in capfd.readouterr().err
    encoded(tmp_path / "whole", ["embeddings.00000.jsonl", "embeddings.00001.jsonl"])
    stray = tmp_path / "whole" / "embeddings.00077.jsonl"
    stray.write_text('{"id": "1", "vector": {"a": 1}}\n')
    assert main(["--input", str(tmp_path / "whole"), *index]) == 1
    assert f"holds {stray.name}, which the encode command" in capfd.readouterr().err
    stray.unlink()
    (tmp_path / "whole" / "embeddings.00001.jsonl").unlink()
    assert main(["--input", str(tmp_path / "whole"), *index]) == 1
    assert "lacks embeddings.00001.jsonl" in capfd.readouterr().err
    assert not (tmp_path / "index").exists()
    encoded(tmp_path / "other", ["embeddings.00000.jsonl"])
    words = ["--input", str(tmp_path / "other"), "--index", str(tmp_path / "half"), "--overwrite"]
    assert main(words) == 2
    assert "holds the output of an encode command" in capfd.readouterr().err
    assert (tmp_path / "half" / "embeddings.00000.jsonl").exists()


def test_a_failed_overwrite_keeps_the_old_index(tmp_path, capfd):
    source, index = tmp_path / "v.jsonl", tmp_path / "index"
    words = ["--input", str(source), "--index", str(index)]
    source.write_text('{"id": "1", "vector": {"a": 1}}\n')
    assert main(words) == 0
    source.write_text('{"id": "2", "vector": {"b": 1}}\nnot JSON\n')
    assert main([*words, "--overwrite"]) == 1
    assert lucene_hits(index, [{"a": 1}]) == [[("1", 1.0)]]


def test_changed_input_is_refused_and_overwrite_starts_again(tmp_path, capfd):
    source, index = tmp_path / "v.jsonl", tmp_path / "index"
    words = ["--input", str(source), "--index", str(index)]
    source.write_text('{"id": "1", "vector": {"a": 1}}\n')
    assert main(words) == 0
    source.write_text('{"id": "2", "vector": {"b": 1}}\n{"id": "3", "vector": {"b": 2}}\n')
    assert main(words) == 2
    assert "input 1 (v.jsonl) was 32 bytes of " in capfd.readouterr().err
    assert main([*words, "--overwrite"]) == 0
    assert lucene_hits(index, [{"a": 1}, {"b": 2}]) == [[], [("3", 4.0), ("2", 2.0)]]


def test_the_same_files_in_another_order_are_refused(tmp_path, capfd):
    for name in ("a", "b"):
        (tmp_path / f"{name}.jsonl").write_text(f'{{"id": "{name}", "vector": {{"x": 1}}}}\n')
    files, index = [str(tmp_path / f"{name}.jsonl") for name in ("a", "b")], tmp_path / "index"
    assert main(["--input", *files, "--index", str(index)]) == 0
    assert main(["--input", *files[::-1], "--index", str(index)]) == 2
    assert "input 1 (b.jsonl) was absent, now 32 bytes of " in capfd.readouterr().err
