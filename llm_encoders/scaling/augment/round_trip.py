"""Round-trip consistency: a query is kept if an encoder finds its passage again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from llm_encoders.data.passages import Passages
from llm_encoders.evaluation.encoder_ranker import EncoderRanker
from llm_encoders.jobs.kept_folder import kept_folder
from llm_encoders.jobs.resumable_lines import resumable_lines
from llm_encoders.reading import parse_json
from llm_encoders.scaling.augment.augmentation import RoundTrip
from llm_encoders.scaling.augment.pairs import PairReader, Queries, chosen

_LINES, _RANKER = "round-trip.jsonl", "ranker"


def found_again(
    queries: Queries,
    reader: PairReader,
    passages: Passages,
    wanted: RoundTrip,
    fingerprint: dict[str, Any],
    encoder: dict[str, Any],
    work: Path,
    device: str | None,
    overwrite: bool,
) -> Queries:
    """The pairs whose passage is among the first of the whole corpus for their query.

    As in Promptagator (arXiv 2209.11755, section 3.3), for the encoder given. The passages are
    those of the corpus, whole; one with the text of the pair's passage stands for it.

    Args:
        queries: to check.
        reader: of their pairs.
        passages: of the corpus.
        wanted: encoder and depth.
        fingerprint: what the queries depend on.
        encoder: what the encoder's vectors depend on.
        work: folder for vectors and results, which a kill leaves.
        device: where the encoder computes.
        overwrite: start again.
    """
    path = work / _LINES
    job = {**fingerprint, "queries": len(queries)}
    with resumable_lines(path, job, overwrite) as lines:
        if not lines.finished:
            folder = kept_folder(
                {"files": fingerprint["files"], "encoder": encoder}, work / _RANKER
            )
            ranker = EncoderRanker(wanted.encoder, encoder, passages, folder, device)
            lines.begin()
            windows = _windows(queries, reader, passages, ranker, wanted.depth, lines.done)
            with tqdm(
                total=len(queries), initial=lines.done, unit="query", desc="searching"
            ) as bar:
                for count in lines.write(windows):
                    bar.update(count)
            lines.finish()
    with path.open("rb") as stream:
        kept = [parse_json(line, str(path))["found"] for line in stream]
    return chosen(queries, kept)


def _windows(
    queries: Queries,
    reader: PairReader,
    passages: Passages,
    ranker: EncoderRanker,
    depth: int,
    done: int,
) -> Iterator[list[dict[str, Any]]]:
    """Of every query that is not done, which of its pairs are found."""
    size = ranker.window
    for first in range(done // size * size, len(queries), size):
        numbers = range(first, min(first + size, len(queries)))
        texts = [reader.query(queries, query) for query in numbers]
        records = []
        for query, ranking in zip(numbers, ranker.rank(texts, depth), strict=True):
            found = [
                place
                for place, (row, _) in enumerate(queries.of(query))
                if passages.have_texts(ranking, passages.keys[row]).any()
            ]
            records.append({"found": found})
        yield records[max(0, done - first) :]
