"""Test collections: documents, queries and judgements in memory."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from llm_encoders.corpora import CorpusError, Document, open_corpus
from llm_encoders.corpora.beir import BeirFolder, is_beir
from llm_encoders.corpora.repeats import repeated_id
from llm_encoders.data.faults import refuse
from llm_encoders.data.text_keys import passage_keys
from llm_encoders.errors import UsageError
from llm_encoders.evaluation.entropy import Sample
from llm_encoders.evaluation.measures.contrastive_entropy import NEGATIVES
from llm_encoders.evaluation.pairs import judged_pairs


def warn(problem: str) -> None:
    """Say on standard error what is odd about a collection."""
    print(f"warning: {problem}", file=sys.stderr)


@dataclass(frozen=True)
class Collection:
    """Documents, judged queries and their judgements, in memory."""

    name: str
    ids: list[str]
    titles: list[str | None]
    texts: list[str]
    queries: dict[str, str]
    qrels: dict[str, dict[str, int]]
    elsewhere: dict[str, list[str]] = field(default_factory=dict)
    """Documents that are relevant to a query by the judgements of other splits."""

    @cached_property
    def sample(self) -> Sample:
        """The pairs and random negatives of contrastive entropy, the same in every evaluation."""
        places = {docid: number for number, docid in enumerate(self.ids)}
        texts = zip(self.titles, self.texts, strict=True)
        keys = np.array([passage_keys(*one) for one in texts], dtype=np.uint64).reshape(-1, 2)
        found = Sample(judged_pairs(self.queries, self.qrels, self.elsewhere, places.get, keys))
        fewest = int(found.available.min(initial=NEGATIVES))
        if fewest < NEGATIVES:
            warn(
                f"{self.name}: contrastive entropy takes {NEGATIVES} random passages, but for a "
                f"query there are only {fewest:,} that are not relevant. Do not compare the figure "
                "with those of larger collections."
            )
        return found

    @classmethod
    def load(
        cls,
        folder: str,
        split: str,
        on_fault: Callable[[CorpusError], None] = refuse,
        warn: Callable[[str], None] = warn,
    ) -> "Collection":
        """Read a folder in BEIR layout.

        Every judged query is kept, also one without a relevant document: it counts as 0, as with
        ``trec_eval -c``, which the quickstart and Pyserini's reproductions use.

        Args:
            folder: holds ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/``.
            split: which judgements.
            on_fault: takes documents that cannot be used, and those whose id was given before;
                by default they are refused.
            warn: takes a sentence about relevant documents that the corpus lacks.

        Raises:
            EncoderError: it is no such folder, or holds a faulty line; or the corpus has none of
                the relevant documents.
        """
        if not is_beir(folder):
            raise UsageError(
                f"{folder} is not in BEIR layout (corpus.jsonl, queries.jsonl, qrels/)."
            )
        beir = BeirFolder(Path(folder))
        qrels = beir.qrels(split)
        if not any(grade > 0 for grades in qrels.values() for grade in grades.values()):
            raise UsageError(
                f"{beir.qrels_file(split)} judges no document relevant; name another split."
            )
        documents = _distinct(folder, on_fault)
        queries = beir.judged_queries(qrels)
        if problem := beir.absent_documents(split, qrels, documents):
            warn(problem)
        return cls(
            Path(folder).name,
            list(documents),
            [document.title for document in documents.values()],
            [document.text for document in documents.values()],
            {name: query.text for name, query in queries.items()},
            {query: qrels[query] for query in queries},
            beir.relevant_elsewhere(split, queries),
        )


def _distinct(folder: str, on_fault: Callable[[CorpusError], None]) -> dict[str, Document]:
    documents: dict[str, Document] = {}
    for _, document in open_corpus(folder).documents(on_fault):
        if document.id in documents:
            repeated = repeated_id(document.id, documents[document.id].place)
            on_fault(CorpusError(document.place, repeated))
        else:
            documents[document.id] = document
    return documents
