"""What entropy is measured on: a collection or a file of pairs, with its passages on the disk."""

import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from llm_encoders.corpora import CorpusError
from llm_encoders.corpora.beir import BeirFolder, is_beir
from llm_encoders.data.building import write_corpus
from llm_encoders.data.faults import LeftOut
from llm_encoders.data.passages import Passages
from llm_encoders.data.prepare import TrainingData, prepare
from llm_encoders.data.sources import DataSources
from llm_encoders.errors import UsageError
from llm_encoders.evaluation.collection import warn
from llm_encoders.evaluation.pairs import Pairs, judged_pairs

_PREPARED = "prepared"


@dataclass(frozen=True)
class Source:
    """What the user named.

    Args:
        path: a folder in BEIR layout, or training data.
        split: of the folder's judgements; ``None`` for training data.
        corpus: passages that the training data names by id.
        on_error: ``stop`` at faulty passages, or ``skip`` them.
        listing: takes the faults that are skipped.
    """

    path: str
    split: str | None
    corpus: str | None = None
    on_error: str = "stop"
    listing: Path | None = None

    def __post_init__(self) -> None:
        if self.split is None and is_beir(self.path):
            raise UsageError(
                f"{self.path} is a folder in BEIR layout; name it by --collection, with --split."
            )
        if self.split is not None and not is_beir(self.path):
            raise UsageError(
                f"{self.path} is not in BEIR layout (corpus.jsonl, queries.jsonl, qrels/); name "
                "training data by --pairs."
            )

    @property
    def name(self) -> str:
        """As the output names it."""
        own = Path(self.path).name or self.path
        return own if self.split is None else f"{own} ({self.split})"

    def store(self, work: Path) -> None:
        """Check the passages, and store them in a folder, once for all processes.

        Raises:
            EncoderError: faulty data; names file and line.
        """
        with redirect_stdout(sys.stderr):
            if self.split is None:
                self._prepare(work)
            else:
                BeirFolder(Path(self.path)).qrels_file(self.split)  # before a long reading
                folder = work / _PREPARED
                folder.mkdir()
                write_corpus(folder, self.path, LeftOut(self.on_error, self.listing))

    def _prepare(self, work: Path) -> TrainingData:
        sources = DataSources(self.path, self.corpus, on_error=self.on_error)
        return prepare(sources, work / _PREPARED, every_passage=True, listing=self.listing)

    def open(self, work: Path, warns: bool = True) -> tuple[Passages, Pairs]:
        """The stored passages, and the pairs; every pair of a query and a passage counts once.

        Args:
            work: the folder that they were stored in.
            warns: whether this process warns.

        Raises:
            EncoderError: judgements or queries that are faulty; names file and line.
        """
        if self.split is None:
            with redirect_stdout(sys.stderr):
                data = self._prepare(work)  # reads what was stored
            return data.passages, _training_pairs(data)
        beir = BeirFolder(Path(self.path))
        qrels = beir.qrels(self.split)
        if not any(grade > 0 for grades in qrels.values() for grade in grades.values()):
            raise UsageError(
                f"{beir.qrels_file(self.split)} judges no document relevant, so there is no pair; "
                "name another split."
            )
        passages = Passages(work / _PREPARED)
        queries = beir.judged_queries(qrels)
        for query in queries.values():
            if not query.text.strip():
                raise CorpusError(query.place, "the query is empty.")
        problem = beir.absent_documents(self.split, qrels, _Ids(passages))
        if problem and warns:
            warn(problem)
        texts = {name: query.text for name, query in queries.items()}
        elsewhere = beir.relevant_elsewhere(self.split, texts)
        return passages, judged_pairs(texts, qrels, elsewhere, passages.row, passages.keys)


def _training_pairs(data: TrainingData) -> Pairs:
    """The pairs of training data; records of one query are united."""
    number: dict[int, int] = {}
    queries: list[str] = []
    positives: list[dict[int, None]] = []
    relevant: list[np.ndarray] = []
    for row in range(len(data.queries)):
        one = data.queries[row]
        place = number.setdefault(one["group"], len(queries))
        if place == len(queries):
            queries.append(one["query"])
            positives.append({})
            relevant.append(data.relevance.of(one["group"]))
        positives[place] |= dict.fromkeys(one["positives"])
    return Pairs.of(queries, [list(one) for one in positives], relevant, data.passages.keys)


class _Ids:
    """The ids of stored passages, of which it can be asked whether one is there."""

    def __init__(self, passages: Passages) -> None:
        self._passages = passages

    def __contains__(self, docid: object) -> bool:
        return isinstance(docid, str) and self._passages.row(docid) is not None
