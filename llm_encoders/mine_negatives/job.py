"""From rankings to hard negatives: false ones left out, some drawn, written as a stream."""

import json
import math
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from llm_encoders.data.prepare import TrainingData, prepare
from llm_encoders.data.sources import DataSources, source_files
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.jobs.atomic import write_atomically
from llm_encoders.jobs.fingerprint import file_stamps
from llm_encoders.jobs.removal import require_apart
from llm_encoders.jobs.resumable_lines import resumable_lines
from llm_encoders.mine_negatives.encoder_ranker import EncoderRanker, encoder_fingerprint
from llm_encoders.mine_negatives.options import SAMPLINGS
from llm_encoders.mine_negatives.ranking import BM25, Ranker, supplied
from llm_encoders.reading import read_object
from llm_encoders.teachers.choice import TeacherChoice
from llm_encoders.teachers.scoring import TeacherScores, passages_of, windows

_WORK = ("data", "data.tmp", "scores", "ranker", "ranking.json")


@dataclass(frozen=True)
class Mining:
    """How negatives are chosen from a ranking."""

    method: str = BM25
    """``bm25`` or an encoder."""
    index: str | None = None
    """An index of the corpus for ``bm25``."""
    depth: int = 200
    """Ranks that are looked at."""
    skip: int = 0
    """First ranks left out, where unjudged passages are often relevant."""
    negatives: int = 30
    """Negatives a query."""
    sampling: str = "random"
    """``random`` among the ranks, or their ``top``."""
    margin: float = 0.0
    """With a teacher: a passage is a false negative, and left out, if its score exceeds the best
    positive's less this margin (the positive-aware mining of arXiv 2407.15831)."""
    seed: int = 42

    def __post_init__(self) -> None:
        if self.sampling not in SAMPLINGS:
            raise UsageError(
                f"Unknown sampling '{self.sampling}'; choose one of {', '.join(SAMPLINGS)}."
            )
        if not 0 <= self.skip < self.depth:
            raise UsageError(f"skip is {self.skip}, depth {self.depth}; skip must be less.")
        if self.negatives < 1:
            raise UsageError(f"negatives is {self.negatives}; give at least 1.")
        if not math.isfinite(self.margin):
            raise UsageError(f"margin is {self.margin}; give a finite number.")
        if self.index is not None and not Path(self.index).is_dir():
            raise UsageError(f"There is no index '{self.index}'.")


def mine(
    sources: DataSources,
    mining: Mining,
    choice: TeacherChoice | None,
    output: Path,
    *,
    threads: int = 4,
    device: str | None = None,
    overwrite: bool = False,
) -> None:
    """Write the queries of ``sources`` with hard negatives, as ``question, pos_pid, neg_pids``.

    With a teacher, ``pos_score`` and ``neg_scores`` are written as well, and the first record
    names the teacher and its number format under ``teacher``. No model is loaded before it is sure
    that there is something left to mine.

    Args:
        sources: queries with positives, and a corpus; or a BEIR folder.
        mining: how negatives are chosen.
        choice: the teacher that scores candidates, where false negatives are filtered.
        output: JSONL; stopped, the same call resumes.
        threads: for indexing and searching with BM25.
        device: where an encoder computes.
        overwrite: begin anew.

    Raises:
        EncoderError: faulty training data, or a failed command.
    """
    factory = supplied(mining.method)
    if mining.index is not None and factory is None:
        raise UsageError(
            f"--index is for bm25; {mining.method} encodes the passages itself. Leave it out."
        )
    files = [path for path, *_ in source_files(sources)]
    teacher_folder = None if choice is None else choice.folder
    require_apart(output, [sources.train, sources.corpus, mining.index, teacher_folder, *files])
    encoder = None if factory else encoder_fingerprint(mining.method, device)
    fingerprint = {
        **asdict(sources),
        **asdict(mining),
        "files": file_stamps(map(Path, files)),
        "teacher": None if choice is None else choice.fingerprint,
        "encoder": encoder,
    }
    index = None if mining.index is None else Path(mining.index)
    with resumable_lines(output, fingerprint, overwrite, _WORK) as lines:
        work = lines.work
        if lines.finished:
            print(f"{output} is in place already.", file=sys.stderr)
            return
        data = prepare(sources, work / "data")
        if data.passages.inline:
            shutil.rmtree(work / "data")
            raise UsageError(
                "Negatives are mined from a corpus; name one whose ids the training data gives, or "
                "a BEIR folder."
            )
        lines.begin()
        stands = {"files": fingerprint["files"], "method": mining.method, "encoder": encoder}
        place = _folder_of(stands, work / "ranker")
        ranker = _Ranker(
            factory(data.passages, place, index=index, threads=threads)
            if factory
            else EncoderRanker(mining.method, encoder or {}, data.passages, place, device),
            work / "ranking.json",
            fingerprint,
        )
        teacher = None if choice is None else choice.load()
        with tqdm(total=len(data.queries), initial=lines.done, unit="query") as bar:

            def moved(what: str, done: int, count: int) -> None:
                bar.set_postfix_str(f"{done:,} of {count:,} {what}")

            miner = _Miner(data, mining, ranker, lines.done)
            if teacher is None or choice is None:
                records = miner.drawn()
            else:
                bar.write(f"Teacher: {choice.describe(teacher)}.", file=sys.stderr)
                scores = TeacherScores(teacher, fingerprint, work / "scores", moved)
                records = miner.filtered(scores, teacher.window, choice.record)
            for count in lines.write(records):
                bar.update(count)
        lines.finish()


def _folder_of(job: dict[str, Any], folder: Path) -> Path:
    """A folder that keeps its contents, an index or vectors, as long as the job is the same."""
    note = folder / "job.json"
    if _read(note) != json.loads(json.dumps(job)):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        write_atomically(note, json.dumps(job))
    return folder


def _read(path: Path) -> dict[str, Any]:
    """A note of an earlier run; empty where there is none, or it is damaged."""
    try:
        return read_object(path)
    except EncoderError:
        return {}


class _Ranker:
    """A ranker whose last window is kept on the disk, so that a kill does not cost it."""

    def __init__(self, ranker: Ranker, path: Path, fingerprint: dict[str, Any]) -> None:
        self._ranker, self._path = ranker, path
        self._job = json.loads(json.dumps(fingerprint))
        self.window = ranker.window

    def rank(self, first: int, queries: list[str], depth: int) -> list[list[int]]:
        """Rankings of the queries from number ``first`` on."""
        known = _read(self._path)
        if known.get("job") != self._job or known.get("first") != first:
            rankings = self._ranker.rank(queries, depth)
            known = {"job": self._job, "first": first, "rankings": rankings}
            write_atomically(self._path, json.dumps(known))
        return known["rankings"]


class _Miner:
    """Records of negatives, window by window from the line ``done`` on."""

    def __init__(self, data: TrainingData, mining: Mining, ranker: _Ranker, done: int) -> None:
        self._data, self._mining, self._ranker, self._done = data, mining, ranker, done

    def _ranked(self) -> Iterator[tuple[int, list[dict[str, Any]], list[list[int]]]]:
        """Number of the first query, queries and candidates of every window that is not done."""
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
        """Records whose candidates the teacher has scored and, where too good, removed.

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
        bad = self._data.no_negatives(one, rows)
        return [row for row, no_negative in zip(rows, bad, strict=True) if not no_negative]

    def _order(self, pool: list[int], number: int) -> list[int]:
        """Candidates of a query in the order in which they become negatives."""
        if self._mining.sampling == "top":
            return pool
        return np.random.default_rng([self._mining.seed, number]).permutation(pool).tolist()

    def _record(self, one: dict[str, Any], negatives: list[int]) -> dict[str, Any]:
        return {
            "question": one["query"],
            "pos_pid": self._data.passages.ids(one["positives"]),
            "neg_pids": self._data.passages.ids(negatives),
        }
