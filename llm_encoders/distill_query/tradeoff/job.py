"""Measuring a teacher and its students: check, encode passages, find, time, report."""

import dataclasses
import importlib.metadata
import json
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from llm_encoders.checkpoints.resolve import resolve_spec
from llm_encoders.checkpoints.teacher import Teacher
from llm_encoders.distill_query.tradeoff import pareto
from llm_encoders.distill_query.tradeoff.identity import require_students
from llm_encoders.distill_query.tradeoff.memory_search import memory_search
from llm_encoders.distill_query.tradeoff.passages import encode_passages
from llm_encoders.distill_query.tradeoff.query_side import QuerySide
from llm_encoders.distill_query.tradeoff.report import csv_text, table_rows, text_table
from llm_encoders.distill_query.tradeoff.timing import Round, summary, time_rounds
from llm_encoders.encoding.loading import load_encoder
from llm_encoders.evaluation.collection import Collection
from llm_encoders.evaluation.measures import TRADEOFF_MEASURES
from llm_encoders.jobs.atomic import write_atomically
from llm_encoders.jobs.lock import LOCK_NAME, locked
from llm_encoders.jobs.machine import processor_name
from llm_encoders.jobs.plotting import NO_PLOT, can_plot
from llm_encoders.jobs.removal import require_apart

CSV_NAME, JSON_NAME, PLOT_NAME = "tradeoff.csv", "tradeoff.json", "pareto.svg"
_DEPTH = max(measure.depth for measure in TRADEOFF_MEASURES)
_PACKAGES = ("torch", "transformers", "tokenizers", "numpy", "scipy", "onnxruntime")


@dataclass(frozen=True)
class Options:
    """What is measured, and how; see the command's help."""

    collection: Path
    teacher: str
    students: tuple[str, ...]
    output: Path
    split: str = "test"
    repeats: int = 3
    timed: int = 300
    threads: int | None = None
    device: str = "cpu"
    dtype: str | None = None


def measure(options: Options) -> list[dict[str, Any]]:
    """Measure, print the tables, and write the files.

    Returns:
        The rows of ``tradeoff.csv``, the teacher's first.

    Raises:
        UsageError: a student of another teacher, one that is named twice, or one that is none.
        EncoderError: a faulty collection or encoder.
    """
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    files = [resolve_spec(name)[0] for name in (options.teacher, *options.students)]
    require_students(options.teacher, options.students, files)
    folders = [one.folder for one in files]
    require_apart(options.output, [options.collection, *folders])
    collection = Collection.load(str(options.collection), options.split)
    busy = f"Another run is writing to {options.output}; wait for it, or name another output."
    with locked(options.output / LOCK_NAME, busy):
        sides = _query_sides(options, collection)
        places = {docid: number for number, docid in enumerate(collection.ids)}
        own = [places.get(name) for name in collection.queries]
        quality = [side.quality(collection, own) for side in sides]
        rounds = _timed(options, collection, sides, own)
        measured = [
            {
                "encoder": side.name,
                "role": "student" if number else "teacher",
                "kind": side.kind,
                **quality[number],
                **summary(rounds[number]),
                "parameters": side.parameters,
                "bytes": side.bytes,
            }
            for number, side in enumerate(sides)
        ]
        return _report(options, collection, table_rows(measured), rounds)


def _query_sides(options: Options, collection: Collection) -> list[QuerySide]:
    """The teacher's, then those of the students; all are loaded before the passages are encoded,
    so that a damaged student is known at once."""
    names = (options.teacher, *options.students)
    encoders: list[Any] = [
        load_encoder(name, device=options.device, dtype=options.dtype) for name in names
    ]
    teacher = encoders[0]
    identity = Teacher.of(teacher, options.teacher)
    stored = encode_passages(teacher, identity, collection, options.collection, options.output)
    passages = memory_search(teacher, stored, collection, _DEPTH)
    return [
        QuerySide(name, encoder, passages) for name, encoder in zip(names, encoders, strict=True)
    ]


def _timed(
    options: Options, collection: Collection, sides: list[QuerySide], own: list[int | None]
) -> list[list[Round]]:
    """Rounds over queries that are evenly spread over the collection's."""
    texts = list(collection.queries.values())
    chosen = np.linspace(0, len(texts) - 1, min(options.timed, len(texts))).round().astype(int)
    with tqdm(total=len(sides) * options.repeats, unit="turn", desc="timing") as bar:
        return time_rounds(
            sides,
            [texts[number] for number in chosen],
            [own[number] for number in chosen],
            options.repeats,
            bar.update,
        )


def _report(
    options: Options,
    collection: Collection,
    rows: list[dict[str, Any]],
    rounds: list[list[Round]],
) -> list[dict[str, Any]]:
    conditions = _conditions(options, collection, rounds)
    everything = {
        **conditions,
        "encoders": [
            {**row, "rounds": [dataclasses.asdict(one) for one in own]}
            for row, own in zip(rows, rounds, strict=True)
        ],
    }
    output = options.output
    write_atomically(output / CSV_NAME, csv_text(rows))
    write_atomically(output / JSON_NAME, json.dumps(everything, indent=1) + "\n")
    written = [CSV_NAME, JSON_NAME]
    if can_plot():
        title = f"{collection.name}, {options.split}: {len(collection.queries):,} queries"
        write_atomically(output / PLOT_NAME, pareto.plot(rows, title))
        written.append(PLOT_NAME)
    else:  # one of other figures would be taken for theirs
        (output / PLOT_NAME).unlink(missing_ok=True)
        print(NO_PLOT)
    print(
        f"{text_table(rows)}\n\n{_legend(conditions)}\nWritten to {output}: {', '.join(written)}."
    )
    return rows


def _conditions(
    options: Options, collection: Collection, rounds: list[list[Round]]
) -> dict[str, Any]:
    versions = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:  # ONNX Runtime, which few need
            continue
    return {
        "collection": collection.name,
        "split": options.split,
        "queries": len(collection.queries),
        "timed queries": len(rounds[0][0].encoding),
        "passages": len(collection.ids),
        "depth": _DEPTH,
        "search": "exhaustive, over the passage vectors in memory, without an index",
        "rounds": options.repeats,
        "device": options.device,
        "dtype": options.dtype or "default",
        "threads": options.threads or torch.get_num_threads(),
        "processor": processor_name(),
        "versions": versions,
    }


def _legend(conditions: dict[str, Any]) -> str:
    return (
        f"{conditions['collection']}, {conditions['split']}: {conditions['queries']:,} queries, "
        f"{conditions['passages']:,} passages. Per cent are of the teacher's figure.\n"
        "* Pareto-optimal: no other encoder answers at least as many queries per second one by one "
        "and is at least as good, and better in one of the two.\n"
        f"Times: {conditions['timed queries']:,} queries, median of {conditions['rounds']} rounds "
        f"in which the encoders take turns; {conditions['device']}, {conditions['threads']} "
        f"threads, {conditions['processor']}.\n"
        "Search: encoding one query, then exhaustive search over the passage vectors in memory, "
        f"for the best {conditions['depth']:,}; an index may be faster or slower.\n"
        "Terms: mean number of impacts of a query. Empty: queries without any, which count."
    )
