"""From rankings to hard negatives: false ones left out, some drawn, written as a stream."""

import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from llm_encoders.data.prepare import TrainingData, prepare
from llm_encoders.data.sources import DataSources, require_another, source_files
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.jobs.resumable_lines import ResumableLines
from llm_encoders.mine_negatives.ranking import BM25, Ranker
from llm_encoders.teachers.base import Teacher
from llm_encoders.teachers.scoring import passages_of, teacher_scores

SAMPLINGS = ("random", "top")


@dataclass(frozen=True)
class Mining:
    """How negatives are chosen from a ranking."""

    method: str = BM25
    """``bm25`` or an encoder."""
    index: str | None = None
    depth: int = 200
    """Ranks that are looked at."""
    skip: int = 0
    """First ranks left out, where unjudged passages are often relevant."""
    negatives: int = 30
    """Negatives a query."""
    sampling: str = "random"
    """``random`` among the ranks, or their ``top``."""
    teacher: str | None = None
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


def mine(
    sources: DataSources,
    mining: Mining,
    teacher: Teacher | None,
    output: Path,
    *,
    window: int = 2000,
    threads: int = 4,
    overwrite: bool = False,
) -> None:
    """Write the queries of ``sources`` with hard negatives, as ``question, pos_pid, neg_pids``.

    With a teacher, ``pos_score`` and ``neg_scores`` are written as well.

    Args:
        sources: queries with positives, and a corpus; or a BEIR folder.
        mining: how negatives are chosen.
        teacher: scores candidates, where false negatives are filtered.
        output: JSONL; stopped, the same call goes on.
        window: queries searched at a time.
        threads: for indexing and searching.
        overwrite: begin anew.

    Raises:
        EncoderError: faulty training data, or a failed command.
    """
    require_another(output, sources)
    work = output.with_name(output.name + ".work")
    identity = {**asdict(sources), **asdict(mining), "files": source_files(sources)}
    lines = ResumableLines(output, identity, overwrite)
    if lines.fresh:
        shutil.rmtree(work, ignore_errors=True)  # what another run left
    data = prepare(sources, work / "data")
    if data.passages.inline:
        raise UsageError(
            "Negatives are mined from a corpus; name one whose ids the training data gives, or a "
            "BEIR folder."
        )
    paradigm = None
    if mining.method != BM25:
        from llm_encoders.checkpoints.checkpoint import resolve_spec

        paradigm = resolve_spec(mining.method)[0].contract.paradigm
    lines.begin()
    ranker = Ranker(mining.method, paradigm, data.passages, work, mining.index, threads)
    with tqdm(total=len(data.queries), initial=lines.done, unit="query") as bar:
        windows = _windows(data, mining, teacher, ranker, lines.done, window)
        for count in lines.write(windows):
            bar.update(count)
    lines.finish()
    shutil.rmtree(work, ignore_errors=True)


def _windows(
    data: TrainingData,
    mining: Mining,
    teacher: Teacher | None,
    ranker: Ranker,
    done: int,
    size: int,
) -> Iterator[list[dict[str, Any]]]:
    for first in range(done, len(data.queries), size):
        numbers = range(first, min(first + size, len(data.queries)))
        window = data.queries.select(numbers)
        rankings = ranker.rank([one["query"] for one in window], mining.depth)
        pools = []
        for one, ranking in zip(window, rankings, strict=True):
            positives = set(data.passages.ids(one["positives"]))
            pools.append([docid for docid in ranking[mining.skip :] if docid not in positives])
        if teacher is None:
            yield [
                _record(data, one, [_row(data, pool[i]) for i in _draw(len(pool), mining, number)])
                for number, one, pool in zip(numbers, window, pools, strict=True)
            ]
        else:
            rows = [[_row(data, docid) for docid in pool] for pool in pools]
            yield _filtered(data, mining, teacher, numbers, window, rows)


def _row(data: TrainingData, docid: str) -> int:
    row = data.passages.row(docid)
    if row is None:
        raise EncoderError(
            f"The index holds a passage '{docid}' that the corpus does not; is it another corpus's?"
        )
    return row


def _draw(count: int, mining: Mining, number: int) -> list[int]:
    """Which candidates become negatives, in the order of their ranks."""
    wanted = min(mining.negatives, count)
    if mining.sampling == "top":
        return list(range(wanted))
    generator = np.random.default_rng([mining.seed, number])
    return sorted(generator.permutation(count)[:wanted].tolist())


def _filtered(
    data: TrainingData,
    mining: Mining,
    teacher: Teacher,
    numbers: range,
    window: list[dict[str, Any]],
    pools: list[list[int]],
) -> list[dict[str, Any]]:
    """Records whose candidates the teacher has scored and, where too good, removed."""
    groups = [
        (one["query"], passages_of(data.passages, one["positives"] + pool))
        for one, pool in zip(window, pools, strict=True)
    ]
    found = []
    scored = zip(numbers, window, pools, teacher_scores(teacher, groups), strict=True)
    for number, one, pool, scores in scored:
        border = len(one["positives"])
        most = max(scores[:border]) - mining.margin
        left = [
            (row, score) for row, score in zip(pool, scores[border:], strict=True) if score <= most
        ]
        chosen = [left[i] for i in _draw(len(left), mining, number)]
        record = _record(data, one, [row for row, _ in chosen])
        record["pos_score"] = [round(score, 6) for score in scores[:border]]
        record["neg_scores"] = [round(score, 6) for _, score in chosen]
        found.append(record)
    return found


def _record(data: TrainingData, one: dict[str, Any], negatives: list[int]) -> dict[str, Any]:
    return {
        "question": one["query"],
        "pos_pid": data.passages.ids(one["positives"]),
        "neg_pids": data.passages.ids(negatives),
    }
