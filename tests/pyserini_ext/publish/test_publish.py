"""A published folder: whole, described, and searched by the commands of its card."""

import json
import re
import shlex

import pytest
import yaml

from pyserini_ext.encode.command import main as encode
from pyserini_ext.publish.command import main
from tests.pyserini_ext.served import DENSE, DOCUMENTS, QUERIES, SPARSE


def publish(*words):
    return main([str(word) for word in words])


def commands(card):
    """The words of every command of a card, by module."""
    block = re.search(r"```bash\n(.*?)```", card, re.DOTALL)[1]
    lines = [shlex.split(line) for line in block.splitlines()]
    return {words[2] if words[0] == "python" else words[0]: words for words in lines}


@pytest.fixture
def texts(tmp_path):
    """What passes for a Lucene index of texts where nothing is read of it."""
    folder = tmp_path / "stored"
    folder.mkdir()
    (folder / "segments_1").write_text("x")
    return folder


def test_the_card_says_what_it_is_and_its_search_runs(made, texts, tmp_path, warm_python):
    output = tmp_path / "mine"
    words = ("--index", made.sparse, "--texts", texts, "--repository", "me/Mine")
    assert publish(*words, "--output", output, "--corpus-name", "five facts") == 0
    card = (output / "README.md").read_text()
    header = yaml.safe_load(card.split("---\n")[1])
    assert header["library_name"] == "pyserini" and "license" not in header
    assert f"| documents | {len(DOCUMENTS)} |" in card and "| corpus | five facts |" in card
    for path in made.sparse.iterdir():
        if path.name != "contract.json":
            assert (output / "sparse" / path.name).read_bytes() == path.read_bytes()
    contract = json.loads((output / "sparse" / "contract.json").read_text())
    assert contract["corpus"]["documents"] == len(DOCUMENTS)
    assert "corpus" not in json.loads((made.sparse / "contract.json").read_text())
    found = commands(card)
    assert found["hf"][:3] == ["hf", "download", "me/Mine"]
    assert found["pyserini_ext.serve"][-2:] == ["--texts", "mine/texts"]
    (tmp_path / "topics.tsv").write_text(f"1\t{QUERIES[0]}")
    search = [
        str(tmp_path / word) if word.startswith(("mine/", "topics", "run")) else word
        for word in found["pyserini.search.lucene"][1:]
    ]
    warm_python(*search)
    assert (tmp_path / "run.txt").read_text().startswith("1 Q0 a 1 ")


def test_vectors_and_an_encoder_that_others_find(made, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["--encoder", DENSE, "--corpus", str(made.corpus), "--embeddings", "vectors"]
    assert encode(words) == 0
    assert publish("--index", "vectors", "--output", "out", "--no-texts") == 0
    assert (tmp_path / "out" / "contract.json").is_file()
    assert not list((tmp_path / "out" / "vectors").glob("contract*"))
    found = commands((tmp_path / "out" / "README.md").read_text())
    assert found["pyserini.index.faiss"][-2:] == ["--dim", "256"]
    (tmp_path / "folder").mkdir()
    words = ("--index", "vectors", "--output", "x", "--no-texts", "--encoder")
    assert publish(*words, "folder") == 2
    assert "is the folder folder, which others do not have" in capsys.readouterr().err
    assert publish(*words, "me/encoder") == 0
    assert "base_model: me/encoder" in (tmp_path / "x" / "README.md").read_text()


@pytest.mark.parametrize(
    ("index", "output", "code", "message"),
    [
        ("sparse", "there", 2, "there exists already"),
        ("nowhere", "out", 1, "There is no folder nowhere"),
        ("bare", "out", 1, "bare has no contract.json"),
    ],
)
def test_refusals(made, tmp_path, monkeypatch, capsys, index, output, code, message):
    monkeypatch.chdir(tmp_path)
    for name in ("there", "bare"):
        (tmp_path / name).mkdir()
    for name in ("index", "docid"):
        (tmp_path / "bare" / name).write_text("x")
    index = made.sparse if index == "sparse" else index
    assert publish("--index", index, "--output", output, "--no-texts") == code
    assert message in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bare", "there"]


def test_texts_are_those_of_the_corpus(made, texts, tmp_path, capsys):
    for corpus, message in (
        ({"documents": 4, "content": "x"}, "has 4 documents;"),
        ({"documents": len(DOCUMENTS), "content": "x"}, "has other texts;"),
    ):
        (texts / "corpus.json").write_text(json.dumps(corpus))
        words = ("--index", made.sparse, "--texts", texts, "--output", tmp_path / "o")
        assert publish(*words) == 2
        refused = capsys.readouterr().err
        assert message in refused and f"was made from {len(DOCUMENTS)}." in refused
        assert not (tmp_path / "o").exists()
    with pytest.raises(SystemExit) as ending:
        publish(*words, "--no-texts")
    assert ending.value.code == 2


def test_sparse_encoder_is_the_recorded_one(made, tmp_path):
    assert publish("--index", made.sparse, "--output", tmp_path / "o", "--no-texts") == 0
    contract = json.loads((tmp_path / "o" / "sparse" / "contract.json").read_text())
    assert contract["name"] == SPARSE


def test_what_would_spoil_the_card(made, tmp_path, capsys):
    words = ("--index", made.sparse, "--output", tmp_path / "o", "--no-texts")
    assert publish(*words, "--repository", "me/x; rm -rf y") == 2
    assert "'me/x; rm -rf y' is no repository of the Hub" in capsys.readouterr().err
    assert publish(*words, "--corpus-name", "news | wire\n2024") == 0
    card = (tmp_path / "o" / "README.md").read_text()
    assert "| corpus | news \\| wire 2024 |\n| documents |" in card
