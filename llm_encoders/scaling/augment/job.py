"""One augmentation job: read, draft, unite, check, write; it can be stopped and resumed."""

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from llm_encoders.data.passages import Passages
from llm_encoders.data.prepare import prepare_passages
from llm_encoders.data.sampling import sample
from llm_encoders.data.sources import corpus_files, skipped_of
from llm_encoders.errors import EncoderError
from llm_encoders.evaluation.encoder_ranker import encoder_fingerprint
from llm_encoders.jobs.removal import remove_recorded, require_apart
from llm_encoders.jobs.resumable_lines import resumable_lines
from llm_encoders.scaling.augment.augmentation import KINDS, Augmentation, Generation, RoundTrip
from llm_encoders.scaling.augment.drafts import TextDrafts, WrittenDrafts, write_drafts
from llm_encoders.scaling.augment.generator import (
    Generator,
    generator_fingerprint,
    generator_folder,
)
from llm_encoders.scaling.augment.pairs import (
    LOST,
    SHORT,
    PairReader,
    Queries,
    characters,
    collect,
)
from llm_encoders.scaling.augment.round_trip import found_again

_DRAFTS, _FOUND = "drafts.jsonl", "round-trip.jsonl"
_FORMS = ("{}", "{}.partial", ".{}.state")
_WORK = (
    *("data", "data.tmp", "ranker"),
    *(form.format(name) for name in (_DRAFTS, _FOUND) for form in _FORMS),
)
_WINDOW = 1000  # queries that are written at a time


def augment(
    corpus: str,
    augmentation: Augmentation,
    output: Path,
    *,
    generation: Generation | None = None,
    round_trip: RoundTrip | None = None,
    on_error: str = "stop",
    device: str | None = None,
    overwrite: bool = False,
) -> None:
    """Write the queries of a corpus as training data.

    Records have ``query``, ``source`` (the kind) and, for generated queries,
    ``positive_document_ids``, else ``positive_passages``, since those are parts of documents.

    Args:
        corpus: in any form that :func:`llm_encoders.corpora.open_corpus` reads.
        augmentation: which queries.
        output: JSONL; stopped, the same call resumes.
        generation: for the kind ``generated``.
        round_trip: leaves out queries whose passage an encoder does not find.
        on_error: faulty documents ``stop`` the work, or are left out: ``skip``.
        device: where models compute.
        overwrite: start again.

    Raises:
        EncoderError: a faulty document or model; or no query is left.
    """
    files = corpus_files(corpus)
    folder = None if generation is None else generator_folder(generation.generator)
    require_apart(output, [corpus, folder, round_trip.encoder if round_trip else None, *files])
    encoder = None if round_trip is None else encoder_fingerprint(round_trip.encoder, device)
    read = {"corpus": corpus, "files": files, "on error": on_error}
    generated = None
    if folder is not None and generation is not None:
        generated = generator_fingerprint(folder, generation, device)
    fingerprint = {
        **read,
        **asdict(augmentation),
        "generation": generated,
        "round trip": round_trip and {"depth": round_trip.depth, "encoder": encoder},
    }
    with resumable_lines(output, fingerprint, overwrite, _WORK) as lines:
        if lines.finished:
            print(f"{output} is finished already.", file=sys.stderr)
            return
        passages = prepare_passages(corpus, lines.work / "data", on_error, skipped_of(output))
        counts: Counter[str] = Counter()
        if folder is not None and generation is not None:
            lines.begin()
            rows = _long_enough(passages, augmentation, counts)
            drafts = write_drafts(
                lines.work / _DRAFTS,
                {**read, **_drawn(augmentation), "generation": generated},
                partial(Generator, folder, generation, device),
                passages,
                rows,
                augmentation,
                generation,
                overwrite,
            )
            _tell_of_unfinished(drafts, generation)
            reader = PairReader(passages, drafts, augmentation)
        else:
            reader = PairReader(passages, TextDrafts(augmentation), augmentation)
            rows = _rows(passages, reader, augmentation)
        queries = collect(reader, rows, augmentation.most_passages, counts)
        if not len(queries) and generation is None:
            remove_recorded(lines.work, _WORK, output)
        _require_some(queries, corpus, augmentation, counts)
        lines.begin()
        if round_trip is not None and encoder is not None:
            before = len(queries)
            queries = found_again(
                queries,
                reader,
                passages,
                round_trip,
                fingerprint,
                encoder,
                lines.work,
                device,
                overwrite,
            )
            counts[LOST] = before - len(queries)
            _require_some(queries, corpus, augmentation, counts)
        with tqdm(total=len(queries), initial=lines.done, unit="query") as bar:
            for count in lines.write(_records(queries, reader, augmentation, lines.done)):
                bar.update(count)
        lines.finish()
    print(_report(output, corpus, queries, len(rows), augmentation, counts), file=sys.stderr)


def _tell_of_unfinished(drafts: WrittenDrafts, generation: Generation) -> None:
    if drafts.unfinished:
        print(
            f"warning: {drafts.unfinished:,} queries were cut off after "
            f"{generation.query_tokens:,} tokens; the model had not ended them. --query-tokens "
            "gives them more.",
            file=sys.stderr,
        )


def _drawn(augmentation: Augmentation) -> dict[str, Any]:
    """What decides on the prompts of a generator, and on the numbers it draws tokens by."""
    names = ("kind", "queries_per_passage", "limit", "seed", "least_passage")
    return {name: getattr(augmentation, name) for name in names}


def _rows(passages: Passages, reader: PairReader, augmentation: Augmentation) -> np.ndarray:
    """Rows of the passages that are used, int64, ascending."""
    found: Iterator[int] = iter(range(len(passages)))
    if augmentation.limit is not None:
        found = sample(filter(reader.usable, found), augmentation.limit, augmentation.seed)
    return np.fromiter(found, dtype=np.int64)


def _long_enough(
    passages: Passages, augmentation: Augmentation, counts: Counter[str]
) -> np.ndarray:
    """As :func:`_rows`, of the passages that a model writes queries for."""

    def good() -> Iterator[int]:
        for row in range(len(passages)):
            ((text,), _) = passages.texts([row])
            if characters(text) >= augmentation.least_passage:
                yield row
            else:
                counts[SHORT] += 1

    return np.fromiter(sample(good(), augmentation.limit, augmentation.seed), dtype=np.int64)


def _require_some(
    queries: Queries, corpus: str, augmentation: Augmentation, counts: Counter[str]
) -> None:
    if len(queries):
        return
    raise EncoderError(
        f"{corpus}: no query of the kind '{augmentation.kind}' is left. {_left_out(counts)} Choose "
        "another kind or corpus, or ask for less."
    )


def _left_out(counts: Counter[str]) -> str:
    shown = [f"{reason}: {count:,}" for reason, count in counts.items() if count]
    return f"Left out: {'; '.join(shown)}." if shown else "Nothing was left out."


def _records(
    queries: Queries, reader: PairReader, augmentation: Augmentation, done: int
) -> Iterator[list[dict[str, Any]]]:
    """Lines of the output that are not there yet."""
    for first in range(done, len(queries), _WINDOW):
        numbers = range(first, min(first + _WINDOW, len(queries)))
        yield [_record(reader, queries, one, augmentation.kind) for one in numbers]


def _record(reader: PairReader, queries: Queries, query: int, kind: str) -> dict[str, Any]:
    """A training example in a layout of :mod:`llm_encoders.data.layouts`."""
    passages: dict[str, Any]
    pairs = reader.pairs(queries, query)
    if KINDS[kind].by_id:
        passages = {"positive_document_ids": [pair.docid for pair in pairs]}
    else:
        carried = [{"docid": p.docid, "title": p.title or "", "text": p.text} for p in pairs]
        passages = {"positive_passages": carried}
    return {"query": reader.query(queries, query), **passages, "source": kind}


def _report(
    output: Path,
    corpus: str,
    queries: Queries,
    used: int,
    augmentation: Augmentation,
    counts: Counter[str],
) -> str:
    kind = augmentation.kind
    recipe = f"data.train={output}" + (f" data.corpus={corpus}" if KINDS[kind].by_id else "")
    return (
        f"{output}: {len(queries):,} queries with {len(queries.rows):,} passages, from {used:,} "
        f"passages of {corpus}; source '{kind}'. {_left_out(counts)}\nTrain on it by {recipe}."
    )
