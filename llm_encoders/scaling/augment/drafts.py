"""The queries of every passage, before any is left out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from tqdm import tqdm

from llm_encoders.data import pseudo_queries
from llm_encoders.data.passages import Passages, longest_first
from llm_encoders.data.pseudo_queries import Draft
from llm_encoders.jobs.resumable_lines import resumable_lines
from llm_encoders.reading import parse_json
from llm_encoders.scaling.augment.augmentation import (
    HEADINGS,
    INVERSE_CLOZE,
    TITLES,
    Augmentation,
    Generation,
)
from llm_encoders.scaling.augment.decoding import uniforms
from llm_encoders.scaling.augment.generator import Generator

_STREAM = 7  # of random numbers, beside those of other draws by the same seed
_WINDOW = 32  # batches among which passages of like length share one


class Drafts(Protocol):
    """Queries by passage."""

    def of(self, row: int, title: str | None, text: str) -> list[Draft]:
        """Those of the passage of a row, with its title and text; the same whenever it is asked."""


class TextDrafts:
    """Queries that a passage's own text and title give."""

    def __init__(self, augmentation: Augmentation) -> None:
        self._augmentation = augmentation

    def of(self, row: int, title: str | None, text: str) -> list[Draft]:
        """See :class:`Drafts`."""
        wanted = self._augmentation
        if wanted.kind == TITLES:
            return [Draft(title)] if title else []
        if wanted.kind == HEADINGS:
            return [self._headed(draft, title) for draft in pseudo_queries.headings(text)]
        assert wanted.kind == INVERSE_CLOZE
        generator = np.random.default_rng([wanted.seed, _STREAM, row])
        count = wanted.queries_per_passage
        return list(pseudo_queries.inverse_cloze(text, count, wanted.removal, generator))

    def _headed(self, draft: Draft, title: str | None) -> Draft:
        if not (self._augmentation.with_title and title):
            return draft
        return Draft(f"{title}: {draft.query}", draft.text, draft.part)


class WrittenDrafts:
    """Queries that a language model has written, from the lines of :func:`write_drafts`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        rows, places = [], []
        place = 0
        self.unfinished = 0
        """Queries that were cut off at the largest number of tokens."""
        with path.open("rb") as stream:
            for line in stream:
                record = parse_json(line, str(path))
                rows.append(record["row"])
                places.append(place)
                place += len(line)
                self.unfinished += record["unfinished"]
        order = np.argsort(rows)
        self._rows = np.array(rows, dtype=np.int64)[order]
        self._places = np.array(places, dtype=np.int64)[order]

    def of(self, row: int, title: str | None, text: str) -> list[Draft]:
        """See :class:`Drafts`."""
        with self._path.open("rb") as stream:
            stream.seek(int(self._places[np.searchsorted(self._rows, row)]))
            record = parse_json(stream.readline(), str(self._path))
        return [Draft(query) for query in record["queries"]]


def write_drafts(
    path: Path,
    fingerprint: dict[str, Any],
    generator: Any,
    passages: Passages,
    rows: np.ndarray,
    augmentation: Augmentation,
    generation: Generation,
    overwrite: bool,
) -> WrittenDrafts:
    """Have a language model write the queries of passages, or what is left of them.

    Args:
        path: takes a line a passage.
        fingerprint: what the queries depend on.
        generator: loads the model, a :class:`~llm_encoders.scaling.augment.generator.Generator`;
            called if there is something left to write.
        passages: of the corpus.
        rows: of the passages, int64, ascending.
        augmentation, generation: what is wanted.
        overwrite: start again.

    Raises:
        UsageError: lines of other queries are there.
    """
    with resumable_lines(path, fingerprint, overwrite) as lines:
        if not lines.finished:
            window = _WINDOW * _passages_of_batch(augmentation, generation)
            order = longest_first(passages, rows, window)
            done = lines.done
            writer: Generator = generator()
            lines.begin()
            batches = _batches(writer, passages, order, done, augmentation, generation)
            with tqdm(total=len(order), initial=done, unit="passage", desc="writing") as bar:
                for count in lines.write(batches):
                    bar.update(count)
            lines.finish()
    return WrittenDrafts(path)


def _passages_of_batch(augmentation: Augmentation, generation: Generation) -> int:
    return max(1, generation.batch_size // augmentation.queries_per_passage)


def _batches(
    writer: Generator,
    passages: Passages,
    order: np.ndarray,
    done: int,
    augmentation: Augmentation,
    generation: Generation,
) -> Iterator[list[dict[str, Any]]]:
    """Lines of every batch that is not done; a batch is the same after a kill."""
    count = augmentation.queries_per_passage
    size = _passages_of_batch(augmentation, generation)
    for first in range(done // size * size, len(order), size):
        rows = order[first : first + size].tolist()
        prompts = [
            writer.prompt_ids(title, text)
            for text, title in zip(*passages.texts(rows), strict=True)
            for _ in range(count)
        ]
        numbers = None
        if generation.temperature:
            seeds = [uniforms(augmentation.seed, row, generation, count) for row in rows]
            numbers = np.concatenate(seeds)
        written = [
            one
            for start in range(0, len(prompts), generation.batch_size)
            for one in writer.write(
                prompts[start : start + generation.batch_size],
                None if numbers is None else numbers[start : start + generation.batch_size],
            )
        ]
        records = []
        for number, row in enumerate(rows):
            own = written[number * count : (number + 1) * count]
            unfinished = sum(not one.whole for one in own)
            queries = [one.query for one in own]
            records.append({"row": row, "queries": queries, "unfinished": unfinished})
        yield records[max(0, done - first) :]
