"""What ranks passages for ``python -m llm_encoders.mine_negatives``: BM25 by Pyserini.

``setup.py`` names it as an entry point of the group ``llm_encoders.rankers``, so that the trainer
does not need Pyserini.
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from llm_encoders.data.passages import Passages
from llm_encoders.jobs.atomic import atomic_file, write_atomically
from llm_encoders.jobs.resumable_batches import Progress
from llm_encoders.mine_negatives.ranking import rows_of
from pyserini_ext import commands

_DONE = "indexed.json"


class Bm25Ranker:
    """BM25 with Anserini's defaults.

    In an index of its own a passage is named by its row, so any id will do.

    Args:
        passages: what is ranked.
        work: folder for the index, for topics and runs.
        index: a Lucene index that is there already, of the passages by their ids.
        threads: for indexing and searching.

    Raises:
        EncoderError: a command of Pyserini's fails; says why, and how to mend Java.
    """

    window = 2000

    def __init__(self, passages: Passages, work: Path, *, index: Path | None, threads: int) -> None:
        self._passages, self._work, self._threads = passages, work, str(threads)
        work.mkdir(parents=True, exist_ok=True)
        self._given = index is not None
        self._index = index.resolve() if index is not None else work / "index"
        if not self._given:
            self._make_index()

    def _make_index(self) -> None:
        done = self._work / _DONE
        if done.is_file() and self._index.is_dir():
            return
        shutil.rmtree(self._index, ignore_errors=True)  # of a run that was killed
        corpus = self._work / "corpus"
        corpus.mkdir(exist_ok=True)
        with atomic_file(corpus / "corpus.jsonl") as stream:
            for row in range(len(self._passages)):
                (text,), (title,) = self._passages.texts([row])
                record = {"id": str(row), "contents": f"{title}\n{text}" if title else text}
                stream.write(json.dumps(record).encode() + b"\n")
        words = ["--collection", "JsonCollection", "--input", "corpus", "--index", "index"]
        words += ["--generator", "DefaultLuceneDocumentGenerator", "--threads", self._threads]
        commands.run("pyserini.index.lucene", *words, folder=self._work)
        write_atomically(done, "{}")
        shutil.rmtree(corpus)

    def rank(
        self,
        queries: Sequence[str],
        depth: int,
        progress: Progress = lambda what, done, count: None,
    ) -> list[list[int]]:
        """See :class:`~llm_encoders.mine_negatives.ranking.Ranker`."""
        topics = {str(number): query for number, query in enumerate(queries)}
        commands.write_topics(self._work / "topics.json", topics)
        words = ["--bm25", "--index", self._index if self._given else "index"]
        words += ["--topics", "topics.json", "--output", "run.txt", "--hits", str(depth)]
        words += ["--threads", self._threads, "--batch-size", "64"]
        commands.run("pyserini.search.lucene", *words, folder=self._work)
        run = commands.read_run(self._work / "run.txt")
        found = [[docid for docid, _ in run.get(number, [])] for number in topics]
        if self._given:
            return [rows_of(self._passages, ids) for ids in found]
        return [[int(row) for row in ids] for ids in found]
