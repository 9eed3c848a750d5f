"""From articles and outlines to files of topics, qrels and training pairs, whole or not at all."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from llm_encoders.corpora import CorpusError
from llm_encoders.corpora.trec_car.pages import Level, Page, Paragraph, TopicText, pages
from llm_encoders.corpora.trec_car.records import Kind
from llm_encoders.errors import EncoderError, UsageError, listed
from llm_encoders.jobs.atomic import atomic_file
from llm_encoders.trec_car.qrels import judged_topics

_TSV = (".tsv", ".txt")


def write_topics(
    inputs: list[Path],
    output: Path,
    level: str,
    text: str,
    qrels: Path | None = None,
    overwrite: bool = False,
) -> None:
    """Write topics as TSV, in the order of the files.

    Args:
        inputs: files of outlines or articles.
        output: the file.
        level: a :class:`Level`.
        text: a :class:`TopicText`.
        qrels: judgements of the topics to keep; ``None`` keeps all.
        overwrite: whether an earlier file is replaced.

    Raises:
        UsageError: the output is there, or is not named as Pyserini wants it.
        EncoderError: a file is none of TREC CAR's, or lacks a judged topic.
    """
    if output.suffix not in _TSV:
        raise UsageError(
            f"'{output}': Pyserini tells the format of topics by the name; end it in .tsv."
        )
    _prepare([*inputs, qrels] if qrels else inputs, output, overwrite)
    judged = judged_topics(qrels) if qrels else None
    written: dict[str, str] = {}
    with atomic_file(output) as stream:
        for page in _pages(inputs, (Kind.OUTLINES, Kind.PAGES)):
            for topic in page.topics(Level(level)):
                if judged is not None and topic.id not in judged:
                    continue
                shown = topic.text(TopicText(text))
                if topic.id not in written:
                    written[topic.id] = shown
                    stream.write(f"{topic.id}\t{shown}\n".encode())
                elif written[topic.id] != shown:
                    raise CorpusError(
                        topic.place,
                        f"two sections have the id '{topic.id}', but other headings: "
                        f"'{written[topic.id]}' and '{shown}'. Qrels cannot tell them apart; take "
                        "--text path.",
                    )
        if judged is not None and (absent := judged - written.keys()):
            raise EncoderError(
                f"{qrels}: {len(absent):,} of {len(judged):,} judged topics are not in "
                f"{listed([str(path) for path in inputs])} at the level '{level}', '{min(absent)}' "
                "among them. Give outlines and qrels of one release, and the qrels' level."
            )
    print(f"{output}: {len(written):,} topics ({level}).")


def write_qrels(inputs: list[Path], output: Path, level: str, overwrite: bool = False) -> None:
    """Write TREC qrels of grade 1, sorted page by page; arguments as :func:`write_topics`."""
    _prepare(inputs, output, overwrite)
    topics = judgements = 0
    with atomic_file(output) as stream:
        for paragraphs in _judged(inputs, level):
            keys = sorted((one.topic.sections, one.id, one.topic.id) for one in paragraphs)
            for _, docid, topic in keys:
                stream.write(f"{topic} 0 {docid} 1\n".encode())
            judgements += len(keys)
            topics += len({topic for _, _, topic in keys})
    print(f"{output}: {judgements:,} judgements of {topics:,} topics ({level}).")


def write_pairs(
    inputs: list[Path],
    output: Path,
    level: str,
    text: str,
    ids: bool = False,
    overwrite: bool = False,
) -> None:
    """Write training records; arguments as :func:`write_topics`.

    Args:
        ids: whether paragraphs are named by id, for a corpus that has them, not written in full.
    """
    _prepare(inputs, output, overwrite)
    records = passages = empty = 0
    with atomic_file(output) as stream:
        for paragraphs in _judged(inputs, level):
            topics: dict[str, list[Paragraph]] = {}
            for one in paragraphs:
                if one.text:
                    topics.setdefault(one.topic.id, []).append(one)
                else:
                    empty += 1
            for name, relevant in topics.items():
                query = relevant[0].topic.text(TopicText(text))
                record = {"query_id": name, "query": query, **_passages(relevant, ids)}
                stream.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")
                records, passages = records + 1, passages + len(relevant)
    left_out = f"; {empty:,} empty paragraphs are left out" if empty else ""
    print(f"{output}: {records:,} queries with {passages:,} paragraphs ({level}){left_out}.")


def _passages(relevant: list[Paragraph], ids: bool) -> dict[str, list[Any]]:
    """As Tevatron has them, see :mod:`llm_encoders.data.layouts`."""
    if ids:
        return {
            "positive_document_ids": [one.id for one in relevant],
            "negative_document_ids": [],
        }
    return {
        "positive_passages": [{"docid": one.id, "text": one.text} for one in relevant],
        "negative_passages": [],
    }


def _prepare(inputs: list[Path], output: Path, overwrite: bool) -> None:
    """Check the paths, and make the folder of the output.

    Raises:
        UsageError: the output is there.
        EncoderError: an input is not.
    """
    for path in inputs:
        if not path.is_file():
            reason = "is a folder; name its files" if path.is_dir() else "does not exist"
            raise EncoderError(f"{path} {reason}.")
    if output.exists() and not overwrite:
        raise UsageError(f"{output} exists; name another file, or add --overwrite to replace it.")
    output.parent.mkdir(parents=True, exist_ok=True)


def _judged(inputs: list[Path], level: str) -> Iterator[list[Paragraph]]:
    """The paragraphs of every page.

    Raises:
        EncoderError: there are none at all.
    """
    found = False
    for page in _pages(inputs, (Kind.PAGES,)):
        paragraphs = list(page.paragraphs(Level(level)))
        found = found or bool(paragraphs)
        yield paragraphs
    if not found:
        raise EncoderError(
            f"{inputs[0]}: no page holds a paragraph; outlines have none. Name the file of "
            "articles."
        )


def _pages(inputs: list[Path], wanted: tuple[Kind, ...]) -> Iterator[Page]:
    """Every page.

    Raises:
        EncoderError: a page is there twice.
    """
    seen: dict[str, Path] = {}
    for path in inputs:
        for page in tqdm(pages(path, wanted), unit="page", desc=path.name):
            if page.id in seen:
                raise EncoderError(
                    f"{path}: the page '{page.id}' was given before, in {seen[page.id]}; leave one "
                    "file out."
                )
            seen[page.id] = path
            yield page
