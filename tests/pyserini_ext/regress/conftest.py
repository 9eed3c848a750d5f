"""A small collection, conditions on it, and commands that are done in this process."""

import json
import math
import shutil
import threading
from collections import Counter
from pathlib import Path

import pytest
import yaml

from llm_encoders.errors import EncoderError
from pyserini_ext import beir, commands
from pyserini_ext.commands import Outcome
from pyserini_ext.regress.command import main

WORDS = ("wing", "flow", "shock", "heat", "boundary", "layer", "body", "plate", "jet", "cone")
BM25 = (
    "python -m pyserini_ext.beir --collection collections/${dataset} --output prepared/${dataset} "
    "&& python -m pyserini.index.lucene --collection JsonCollection --input "
    "prepared/${dataset}/corpus --index indexes/tiny-${dataset}.bm25 --generator "
    "DefaultLuceneDocumentGenerator && python -m pyserini.search.lucene --bm25 --index "
    "indexes/tiny-${dataset}.bm25 --topics prepared/${dataset}/topics.json --output %s --hits 1000"
)
FUSED = BM25 % "run.tiny.bm25.${dataset}.txt" + (
    " && python -m pyserini.fusion --method rrf --runs run.tiny.bm25.${dataset}.txt "
    "run.tiny.bm25.${dataset}.txt --output $output --runtag fusion"
)
ENCODED = (BM25 % "$output").replace("--bm25", "--impact --encoder llm-splade-tiny")
ALL = [
    "pyserini_ext.beir prepared/cacm",
    "index.lucene indexes/tiny-cacm.bm25",
    "search.lucene run.tiny.bm25.cacm.txt.partial",
    "eval.trec_eval",
]
"""Commands of BM25 on one collection."""
SOURCE = {"version": "0.1.0", "date": "2026-01-02"}


def make_beir(folder: Path) -> Path:
    """50 documents of ten words, and a query for each word."""
    (folder / "qrels").mkdir(parents=True)
    texts = [[WORDS[(n * 7 + i * (n % 3 + 1)) % 10] for i in range(n % 4 + 2)] for n in range(50)]
    with (folder / "corpus.jsonl").open("w") as stream:
        for number, words in enumerate(texts):
            line = {"_id": f"d{number}", "title": words[0], "text": " ".join(words)}
            stream.write(json.dumps(line) + "\n")
    with (folder / "queries.jsonl").open("w") as stream:
        lines = [json.dumps({"_id": f"q{i}", "text": word}) for i, word in enumerate(WORDS)]
        stream.write("\n".join(lines) + "\n")
    rows = [
        f"q{i}\td{number}\t{words.count(word)}"
        for i, word in enumerate(WORDS)
        for number, words in enumerate(texts)
        if words.count(word) and number % 2
    ]
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "\n".join(rows))
    return folder


def write_conditions(folder: Path, conditions: dict[str, dict[str, dict[str, float]]]) -> Path:
    """A file of the family ``tiny``: scores by condition and dataset."""
    known = {"bm25": BM25 % "$output", "fusion": FUSED, "encoded": ENCODED}
    known["clash"] = known["bm25"].replace("--generator", "--stemmer none --generator")
    values = [
        {
            "name": name,
            "command": known[name],
            "datasets": [
                {"dataset": key, "scores": [scores] if scores else [], "source": SOURCE}
                for key, scores in datasets.items()
            ],
        }
        for name, datasets in conditions.items()
    ]
    folder.mkdir(exist_ok=True)
    (folder / "tiny.yaml").write_text(yaml.safe_dump({"conditions": values}, sort_keys=False))
    return folder


def figures(run: commands.Run, qrels: dict[str, dict[str, int]]) -> dict[str, float]:
    """nDCG@10 and recall by their definitions, as trec_eval calls them."""
    sums: Counter[str] = Counter()
    for query, grades in qrels.items():
        found = [docid for docid, _ in sorted(run.get(query, []), key=lambda hit: -hit[1])]
        best = sorted(grades.values(), reverse=True)[:10]
        gains = [grades.get(docid, 0) / math.log2(i + 2) for i, docid in enumerate(found[:10])]
        ideal = sum(grade / math.log2(i + 2) for i, grade in enumerate(best))
        sums["ndcg_cut_10"] += sum(gains) / ideal
        for cut in (100, 1000):
            sums[f"recall_{cut}"] += len(set(found[:cut]) & grades.keys()) / len(grades)
    return {name: total / len(qrels) for name, total in sums.items()}


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for line in path.read_text().splitlines():
        query, _, docid, grade = line.split()
        found.setdefault(query, {})[docid] = int(grade)
    return found


class InProcess:
    """Runs the commands of conditions without processes: a search scores by common words.

    Attributes:
        calls: ``MODULE OUTPUT`` of every command, in order.
        fails: modules that end with exit code 1.
        most: how many ran at a time, at most.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.fails: set[str] = set()
        self.most = self._now = 0
        self.pause = 0.0
        self._lock = threading.Lock()

    def __call__(self, module: str, *words: str, folder: Path, log: Path) -> Outcome:
        option = {words[i]: words[i + 1] for i in range(len(words) - 1)}
        target = option.get("--index") if "index" in module else option.get("--output")
        with self._lock:
            self.calls.append(f"{module.removeprefix('pyserini.')} {target or ''}".strip())
            self._now += 1
            self.most = max(self.most, self._now)
        threading.Event().wait(self.pause)
        try:
            return Outcome(self._run(module, words, option, folder), 0.25)
        finally:
            with self._lock:
                self._now -= 1

    def _run(self, module: str, words: tuple[str, ...], option: dict[str, str], folder: Path):
        if module in self.fails:
            raise EncoderError(f"{module} ended with exit code 1: it is broken.")
        if module == "pyserini_ext.beir":
            output = str(folder / option["--output"])
            assert beir.main(["--collection", option["--collection"], "--output", output]) == 0
        elif module == "pyserini.index.lucene":
            shutil.copytree(folder / option["--input"], folder / option["--index"])
        elif module == "pyserini.search.lucene":
            self._search(folder, option)
        elif module == "pyserini.fusion":
            run = commands.read_run(folder / option["--runs"])
            commands.write_run(folder / option["--output"], run, "fusion")
        else:
            qrels, run = read_qrels(folder / words[-2]), commands.read_run(folder / words[-1])
            assert words[:-2] == ("-c", "-m", "ndcg_cut.10", "-m", "recall.100,1000")
            shown = figures(run, qrels).items()
            return "".join(f"{name:22}\tall\t{value:.4f}\n" for name, value in shown)
        return ""

    def _search(self, folder: Path, option: dict[str, str]) -> None:
        lines = (folder / option["--index"] / "corpus.jsonl").read_text().splitlines()
        documents = {one["id"]: one["text"].split() for one in map(json.loads, lines)}
        topics = json.loads((folder / option["--topics"]).read_text())
        run = {
            name: sorted(
                (
                    (docid, words.count(topic["title"]) + 1 / (9 + int(docid[1:])))
                    for docid, words in documents.items()
                    if topic["title"] in words
                ),
                key=lambda hit: -hit[1],
            )
            for name, topic in topics.items()
        }
        commands.write_run(folder / option["--output"], run, "words")


@pytest.fixture
def runner() -> InProcess:
    return InProcess()


@pytest.fixture
def place(tmp_path, runner):
    """A folder with the collections ``cacm`` and ``cranfield``, where regressions are run."""
    for name in ("cacm", "cranfield"):
        make_beir(tmp_path / "data" / name)
    return Place(tmp_path, runner)


class Place:
    """Runs the command in a folder, on conditions that can be changed."""

    def __init__(self, folder: Path, runner: InProcess) -> None:
        self.folder, self.runner, self.output = folder, runner, folder / "out"
        self.data = folder / "data"
        self.files = folder / "conditions"

    def conditions(self, **conditions: dict[str, dict[str, float]]) -> None:
        from pyserini_ext.conditions import loading

        write_conditions(self.files, conditions)
        loading.load_family.cache_clear()  # the file has changed

    def regress(self, *words: object) -> int:
        """Exit code; ``runner.calls`` are those of this call."""
        self.runner.calls.clear()
        places = ("--data", self.data, "--output", self.output, "--condition-files", self.files)
        return main([str(word) for word in (*words, *places)], runner=self.runner)

    @property
    def report(self) -> dict:
        return json.loads((self.output / "report.json").read_text())

    def scores(self, condition: int = 0, task: int = 0) -> dict[str, float]:
        found = self.report["conditions"][condition]["tasks"][task]["scores"]
        return {measure: one["measured"] for measure, one in found.items()}


@pytest.fixture
def finished(place):
    """BM25 on one collection, done, with the scores that it came to."""
    place.conditions(bm25={"cacm": {}})
    assert place.regress() == 0
    assert place.runner.calls == ALL
    place.conditions(bm25={"cacm": place.scores()})
    return place


def kill_after(path: Path):
    """A search that is interrupted after its first line."""

    def search(*_):
        path.write_text("q1 Q0 d1 1 2.0 words\n")
        raise KeyboardInterrupt

    return search
