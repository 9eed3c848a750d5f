"""From rankings to records of hard negatives: false ones left out, some drawn."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from llm_encoders.data.prepare import TrainingData
from llm_encoders.jobs.atomic import write_atomically
from llm_encoders.jobs.resumable_batches import Progress
from llm_encoders.mine_negatives.mining import Mining
from llm_encoders.mine_negatives.ranking import Ranker
from llm_encoders.reading import read_record
from llm_encoders.teachers.scoring import TeacherScores, passages_of, windows


class KeptRanker:
    """A ranker whose last window is kept on the disk, so that a kill does not cost it."""

    def __init__(self, ranker: Ranker, path: Path, fingerprint: dict[str, Any]) -> None:
        self._ranker, self._path = ranker, path
        self._job = json.loads(json.dumps(fingerprint))
        self.window = ranker.window
        self.progress: Progress = lambda what, done, count: None

    def rank(self, first: int, queries: list[str], depth: int) -> list[list[int]]:
        """Rankings of the queries from number ``first`` on."""
        known = read_record(self._path)
        if known.get("job") != self._job or known.get("first") != first:
            rankings = self._ranker.rank(queries, depth, self.progress)
            known = {"job": self._job, "first": first, "rankings": rankings}
            write_atomically(self._path, json.dumps(known))
        known_rankings: list[list[int]] = known["rankings"]
        return known_rankings


class Miner:
    """Records of negatives, window by window from the line ``done`` on."""

    def __init__(self, data: TrainingData, mining: Mining, ranker: KeptRanker, done: int) -> None:
        self._data, self._mining, self._ranker, self._done = data, mining, ranker, done

    def _ranked(self) -> Iterator[tuple[int, list[dict[str, Any]], list[list[int]]]]:
        """Number of the first query, queries and ranked rows of every window that is not done."""
        queries, size = self._data.queries, self._ranker.window
        for first in range(self._done // size * size, len(queries), size):
            window = queries.select(range(first, min(first + size, len(queries))))
            texts = [one["query"] for one in window]
            rankings = self._ranker.rank(first, texts, self._mining.depth)
            yield first, window, [ranking[self._mining.skip :] for ranking in rankings]

    def drawn(self) -> Iterator[list[dict[str, Any]]]:
        """Records without scores."""
        for first, window, pools in self._ranked():
            records = []
            for number, (one, pool) in enumerate(zip(window, pools, strict=True), start=first):
                order = self._allowed(one, self._order(pool, number))
                chosen = set(order[: self._mining.negatives])
                records.append(self._record(one, [row for row in pool if row in chosen]))
            yield records[max(0, self._done - first) :]

    def filtered(
        self, scores: TeacherScores, most: int, teacher: dict[str, str]
    ) -> Iterator[list[dict[str, Any]]]:
        """Records after the teacher has scored the ranked passages and false negatives are removed.

        Args:
            scores: the teacher's.
            most: pairs that it scores together.
            teacher: its record, for the first line.
        """
        passages = self._data.passages
        for first, window, found in self._ranked():
            pools = [self._allowed(one, pool) for one, pool in zip(window, found, strict=True)]
            sizes = [
                len(one["positives"]) + len(pool) for one, pool in zip(window, pools, strict=True)
            ]
            for part in windows(sizes, most):
                if first + part.stop <= self._done:
                    continue
                groups = [
                    (window[i]["query"], passages_of(passages, window[i]["positives"] + pools[i]))
                    for i in part
                ]
                name = f"{first + part.start} to {first + part.stop}"
                records = [
                    self._scored(first + i, window[i], pools[i], own)
                    for i, own in zip(part, scores(name, groups), strict=True)
                ]
                if first + part.start == 0:
                    records[0]["teacher"] = teacher
                yield records[max(0, self._done - first - part.start) :]

    def _scored(
        self, number: int, one: dict[str, Any], pool: list[int], scores: list[float]
    ) -> dict[str, Any]:
        border = len(one["positives"])
        most = max(scores[:border]) - self._mining.margin
        score_of = {
            row: score for row, score in zip(pool, scores[border:], strict=True) if score <= most
        }
        chosen = set(self._order(list(score_of), number)[: self._mining.negatives])
        rows = [row for row in pool if row in chosen]
        record = self._record(one, rows)
        record["pos_score"] = [round(score, 6) for score in scores[:border]]
        record["neg_scores"] = [round(score_of[row], 6) for row in rows]
        return record

    def _allowed(self, one: dict[str, Any], rows: list[int]) -> list[int]:
        """Those of the rows that can be negatives of a query."""
        excluded = self._data.excluded_negatives(one, rows)
        return [row for row, out in zip(rows, excluded, strict=True) if not out]

    def _order(self, pool: list[int], number: int) -> list[int]:
        """Possible negatives of a query in the order in which they are taken."""
        if self._mining.sampling == "top":
            return pool
        shuffled = np.random.default_rng([self._mining.seed, number]).permutation(pool)
        return [int(row) for row in shuffled]

    def _record(self, one: dict[str, Any], negatives: list[int]) -> dict[str, Any]:
        own = {} if one["id"] is None else {"query_id": one["id"]}
        return {
            **own,
            "question": one["query"],
            "pos_pid": self._data.passages.ids(one["positives"]),
            "neg_pids": self._data.passages.ids(negatives),
        }
