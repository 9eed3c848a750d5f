"""Scoring the passages of training queries, as a stream that can be stopped and resumed."""

import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tqdm import tqdm

from llm_encoders.data.passages import Passages
from llm_encoders.data.prepare import TrainingData, prepare
from llm_encoders.data.sources import DataSources, skipped_of, source_files
from llm_encoders.jobs.removal import require_apart
from llm_encoders.jobs.resumable_lines import resumable_lines
from llm_encoders.teachers.choice import TeacherChoice
from llm_encoders.teachers.scoring import TeacherScores, passages_of, windows

_WORK = ("data", "data.tmp", "scores")


def score(
    sources: DataSources, choice: TeacherChoice, output: Path, overwrite: bool = False
) -> None:
    """Write the training data of ``sources`` with a score for every passage.

    The teacher is loaded when it is sure that there is something left to score.

    Args:
        sources: training data in any layout.
        choice: the teacher; see :func:`llm_encoders.teachers.choice.find_teacher`.
        output: JSONL; the layout ``question, pos_pid, neg_pids, pos_score, neg_scores`` where
            passages have ids of a corpus, else Tevatron's with scores. Its first record names the
            teacher and its number format under ``teacher``.
        overwrite: start again.

    Raises:
        EncoderError: faulty training data; names file and line.
    """
    files = source_files(sources)
    require_apart(output, [sources.train, sources.corpus, choice.folder, *files])
    fingerprint = {**asdict(sources), "files": files, "teacher": choice.fingerprint}
    with resumable_lines(output, fingerprint, overwrite, _WORK) as lines:
        work = lines.work
        if lines.finished:
            print(f"{output} is finished already.", file=sys.stderr)
            return
        data = prepare(sources, work / "data", every_passage=True, listing=skipped_of(output))
        teacher = choice.load()
        print(f"Teacher: {choice.describe(teacher)}.", file=sys.stderr)
        lines.begin()
        with tqdm(total=len(data.queries), initial=lines.done, unit="query", smoothing=0.05) as bar:

            def progress(what: str, done: int, count: int) -> None:
                bar.set_postfix_str(f"{done:,} of {count:,} {what}")

            scores = TeacherScores(teacher, fingerprint, work / "scores", progress)
            for count in lines.write(_windows(data, scores, teacher.window, choice, lines.done)):
                bar.update(count)
        lines.finish()


def _windows(
    data: TrainingData, scores: TeacherScores, most: int, choice: TeacherChoice, done: int
) -> Iterator[list[dict[str, Any]]]:
    sizes = (len(one["positives"]) + len(one["negatives"]) for one in _all(data))
    for window in windows(sizes, most):
        if window.stop <= done:
            continue
        rows = data.queries.select(window)
        groups = [
            (one["query"], passages_of(data.passages, one["positives"] + one["negatives"]))
            for one in rows
        ]
        found = scores(f"{window.start} to {window.stop}", groups)
        records = [_record(data.passages, *pair) for pair in zip(rows, found, strict=True)]
        if window.start == 0:
            records[0]["teacher"] = choice.record
        yield records[max(0, done - window.start) :]


def _all(data: TrainingData) -> Iterator[dict[str, Any]]:
    return (data.queries[row] for row in range(len(data.queries)))


def _record(store: Passages, one: dict[str, Any], scores: list[float]) -> dict[str, Any]:
    border = len(one["positives"])
    rounded = [round(score, 6) for score in scores]
    ids = store.ids(one["positives"] + one["negatives"])
    own = {} if one["id"] is None else {"query_id": one["id"]}
    if store.inline:
        passages = passages_of(store, one["positives"] + one["negatives"])
        full = [
            {"docid": docid, "title": passage.title or "", "text": passage.text}
            for docid, passage in zip(ids, passages, strict=True)
        ]
        return {
            **own,
            "query": one["query"],
            "positive_passages": full[:border],
            "negative_passages": full[border:],
            "positive_scores": rounded[:border],
            "negative_scores": rounded[border:],
        }
    return {
        **own,
        "question": one["query"],
        "pos_pid": ids[:border],
        "neg_pids": ids[border:],
        "pos_score": rounded[:border],
        "neg_scores": rounded[border:],
    }
