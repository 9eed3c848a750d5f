"""Rankings of training queries, by Pyserini's commands run as subprocesses."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from llm_encoders.data.passages import Passages
from llm_encoders.errors import EncoderError, UsageError

BM25 = "bm25"
_FINISHED = "finished"


class Ranker:
    """Ranks passages for queries with an index of its own, or one that is given.

    Args:
        method: ``bm25``, or the name of an encoder as ``--encoder`` takes it.
        paradigm: ``sparse`` or ``dense``; of the encoder.
        passages: what an index is made of.
        work: folder for the index and for topics and runs.
        index: an index that is there already.
        threads: for indexing and searching.

    Raises:
        EncoderError: one of Pyserini's commands fails; ends with what it said.
    """

    def __init__(
        self,
        method: str,
        paradigm: str | None,
        passages: Passages,
        work: Path,
        index: str | None,
        threads: int,
    ) -> None:
        self.method = method
        self.paradigm = paradigm
        self.work = work
        self.threads = str(threads)
        if index is not None and not Path(index).is_dir():
            raise UsageError(f"There is no index '{index}'.")
        self.index = index or str(self._make_index(passages))

    def _make_index(self, passages: Passages) -> Path:
        index, corpus = self.work / "index", self.work / "corpus"
        if (index / _FINISHED).exists():
            return index
        corpus.mkdir(parents=True, exist_ok=True)
        with (corpus / "corpus.jsonl").open("w", encoding="utf-8") as stream:
            for row in range(len(passages)):
                (text,), (title,) = passages.texts([row])
                record = {"id": passages.ids([row])[0], "contents": _joined(title, text)}
                if self.method != BM25:
                    record = {"id": record["id"], "title": title or "", "text": text}
                stream.write(json.dumps(record, ensure_ascii=False) + "\n")
        if self.method == BM25:
            _run(
                *("pyserini.index.lucene", "--collection", "JsonCollection"),
                *("--generator", "DefaultLuceneDocumentGenerator", "--threads", self.threads),
                *("--input", str(corpus), "--index", str(index)),
            )
        else:
            kind = "--to-lucene" if self.paradigm == "sparse" else "--to-faiss"
            _run(
                *("pyserini.encode", "--encoder", self.method, "--corpus", str(corpus)),
                *("--embeddings", str(index), kind),
            )
        (index / _FINISHED).touch()
        return index

    def rank(self, queries: Sequence[str], depth: int) -> list[list[str]]:
        """Ids of the first ``depth`` passages for every query, best first."""
        topics, run = self.work / "topics.tsv", self.work / "run.txt"
        with topics.open("w", encoding="utf-8") as stream:
            for number, query in enumerate(queries):
                stream.write(f"{number}\t{' '.join(query.split())}\n")
        words = ["--index", self.index, "--topics", str(topics), "--output", str(run)]
        words += ["--hits", str(depth), "--threads", self.threads, "--batch-size", "64"]
        if self.method == BM25:
            _run("pyserini.search.lucene", *words, "--bm25")
        elif self.paradigm == "sparse":
            _run("pyserini.search.lucene", *words, "--impact", "--encoder", self.method)
        else:
            _run("pyserini.search.faiss", *words, "--encoder", self.method)
        found: list[list[str]] = [[] for _ in queries]
        with run.open(encoding="utf-8") as stream:
            for line in stream:
                number, _, docid, *_ = line.split()
                found[int(number)].append(docid)
        return found


def _joined(title: str | None, text: str) -> str:
    return f"{title}\n{text}" if title else text


def _run(module: str, *words: str) -> None:
    command = [sys.executable, "-m", module, *words]
    print("+ python -m", module, *words, file=sys.stderr)
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode:
        last = result.stdout.strip().splitlines()[-1:] or ["no output"]
        raise EncoderError(f"{module} failed: {last[0]}")
