"""The blocks that pages mark as runnable are run, on a few passages."""

import json
import re
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, Run
from tests.llm_encoders.conftest import QUESTIONS, TOPICS, beir  # noqa: F401
from tests.reproductions.blocks import Block, blocks, commands, pages

TEACHER = "cross-encoder/ms-marco-MiniLM-L-6-v2"


def runnable(name: str) -> list[Block]:
    return [block for block in blocks(REPOSITORY / "reproductions" / name) if block.runnable]


@pytest.fixture
def paste(warm_python: Run, tmp_path, monkeypatch):
    """Run a block in a folder of its own; what it prints."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def paste(block: Block) -> str:
        if block.language == "python":
            exec(compile(block.text, block.place, "exec"), {})
            return ""
        shown = ""
        for words in commands(block.text):
            assert words[:2] == ["python", "-m"]
            words = ["llm-dense-tiny" if word == TEACHER else word for word in words]  # no Hub here
            shown += warm_python("-m", *words[2:]).stdout
        return shown

    return paste


def test_pages_with_runnable_blocks_are_those_of_this_file():
    marked = {page.name for page in pages() if any(block.runnable for block in blocks(page))}
    assert marked == {"tiny.md", "negatives.md"}


@pytest.mark.slow
def test_the_tiny_models(paste, beir):  # noqa: F811
    Path("collections").mkdir()
    Path("collections", "nfcorpus").symlink_to(beir)
    marked = runnable("models/tiny.md")
    assert len(marked) == 4
    for block in marked:
        shown = paste(block)
        (value,) = re.findall(r"ndcg_cut_10\s+all\s+([01]\.\d+)", shown)
        assert float(value) > 0.5  # of six documents
        assert len(re.findall(r"recall_1000?\s+all\s+1\.0000", shown)) >= 1


@pytest.mark.slow
def test_negatives_and_teacher_scores(paste):
    Path("msmarco").mkdir()
    pids = {topic: str(number) for number, topic in enumerate(TOPICS, 70)}
    asked = [(topic, text) for topic, texts in QUESTIONS.items() for text in texts]
    files = {
        "collection.tsv": [f"{pids[topic]}\t{text}" for topic, text in TOPICS.items()],
        "queries.train.tsv": [f"{number}\t{text}" for number, (_, text) in enumerate(asked)],
        "qrels.train.tsv": [
            f"{number}\t0\t{pids[one]}\t1" for number, (one, _) in enumerate(asked)
        ],
    }
    for name, lines in files.items():
        Path("msmarco", name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    for block in runnable("negatives.md"):
        paste(block)
    lines = Path("msmarco", "scored.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    assert len(records) == len(asked)
    for (topic, text), record in zip(asked, records, strict=True):
        assert record["question"] == text and record["pos_pid"] == [pids[topic]]
        assert pids[topic] not in record["neg_pids"]
        assert len(record["neg_scores"]) == len(record["neg_pids"])
    assert any(record["neg_pids"] for record in records)


@pytest.mark.slow
@pytest.mark.parametrize("name, kind", [("llm-splade-8b", "lucene"), ("llm-dense-8b", "faiss")])
def test_both_ways_to_an_index_give_one_ranking(name, kind, warm_python, beir, tmp_path):  # noqa: F811
    """The commands of a model's page, with the tiny model in its place."""
    page = REPOSITORY / "reproductions" / "models" / f"{name}.md"
    script = "".join(block.text for block in blocks(page) if "collections/nfcorpus" in block.text)
    tiny = name.replace("8b", "tiny")
    topics = tmp_path / "topics.tsv"
    asked = [text for texts in QUESTIONS.values() for text in texts]
    lines = [f"{number}\t{text}\n" for number, text in enumerate(asked)]
    topics.write_text("".join(lines), encoding="utf-8")
    places = {
        "collections/nfcorpus": str(beir),
        "indexes/": f"{tmp_path}/indexes/",
        "vectors/": f"{tmp_path}/vectors/",
    }
    index, runs = tmp_path / "indexes" / f"beir-nfcorpus.{tiny}", []
    for words in commands(script.replace(name, tiny).replace("--dim 4096", "--dim 256")):
        if words[0] != "python" or "search" in words[2] or "eval" in words[2]:
            continue
        for old, new in places.items():
            words = [word.replace(old, new, 1) if word.startswith(old) else word for word in words]
        warm_python(*words[1:])
        if index.exists():
            runs.append(tmp_path / f"run.{len(runs)}")
            options = ["--impact"] if kind == "lucene" else []
            options += ["--index", index, "--encoder", tiny, "--topics", topics]
            warm_python("-m", f"pyserini.search.{kind}", *options, "--output", runs[-1])
            index.rename(tmp_path / f"index.{len(runs)}")
    direct, jsonl = (path.read_text(encoding="utf-8") for path in runs)
    assert direct == jsonl and len(direct.splitlines()) >= len(asked)
