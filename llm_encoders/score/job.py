"""Scoring the passages of training queries, as a stream that can be stopped and gone on with."""

import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tqdm import tqdm

from llm_encoders.data.passages import Passages
from llm_encoders.data.prepare import TrainingData, prepare
from llm_encoders.data.sources import DataSources, require_another, source_files
from llm_encoders.jobs.resumable_lines import ResumableLines
from llm_encoders.teachers.base import Teacher
from llm_encoders.teachers.scoring import passages_of, teacher_scores

_WINDOW = 64  # queries


def score(
    sources: DataSources, teacher: Teacher, name: str, output: Path, overwrite: bool = False
) -> None:
    """Write the training data of ``sources`` with a score for every passage.

    Args:
        sources: training data in any layout.
        teacher: gives the scores.
        name: the teacher's name, kept with a partial output.
        output: JSONL; the layout ``question, pos_pid, neg_pids, pos_score, neg_scores`` where
            passages have ids of a corpus, else Tevatron's with scores.
        overwrite: begin anew.

    Raises:
        EncoderError: faulty training data; names file and line.
    """
    require_another(output, sources)
    work = output.with_name(output.name + ".work")
    identity = {**asdict(sources), "files": source_files(sources), "teacher": name}
    lines = ResumableLines(output, identity, overwrite)
    data = prepare(sources, work)
    lines.begin()
    with tqdm(total=len(data.queries), initial=lines.done, unit="query", smoothing=0.05) as bar:
        for count in lines.write(_windows(data, teacher, lines.done)):
            bar.update(count)
    lines.finish()
    shutil.rmtree(work, ignore_errors=True)


def _windows(data: TrainingData, teacher: Teacher, done: int) -> Iterator[list[dict[str, Any]]]:
    for first in range(done, len(data.queries), _WINDOW):
        window = data.queries.select(range(first, min(first + _WINDOW, len(data.queries))))
        groups = [
            (one["query"], passages_of(data.passages, one["positives"] + one["negatives"]))
            for one in window
        ]
        found = teacher_scores(teacher, groups)
        yield [
            _record(data.passages, one, scores) for one, scores in zip(window, found, strict=True)
        ]


def _record(store: Passages, one: dict[str, Any], scores: list[float]) -> dict[str, Any]:
    border = len(one["positives"])
    rounded = [round(score, 6) for score in scores]
    ids = store.ids(one["positives"] + one["negatives"])
    if store.inline:
        passages = passages_of(store, one["positives"] + one["negatives"])
        full = [
            {"docid": docid, "title": passage.title or "", "text": passage.text}
            for docid, passage in zip(ids, passages, strict=True)
        ]
        return {
            "query": one["query"],
            "positive_passages": full[:border],
            "negative_passages": full[border:],
            "positive_scores": rounded[:border],
            "negative_scores": rounded[border:],
        }
    return {
        "question": one["query"],
        "pos_pid": ids[:border],
        "neg_pids": ids[border:],
        "pos_score": rounded[:border],
        "neg_scores": rounded[border:],
    }
