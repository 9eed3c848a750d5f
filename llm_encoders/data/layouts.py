"""Layouts of training files: one record to one query with its passages.

A JSON record is recognised by its keys:

==================================================  ==============================================
``question, pos_pid, neg_pids[, pos_score,          contrastive and combined training of
neg_scores]``                                       arXiv 2502.15526
``query, docids, scores``                           its distillation; the first id is the positive
``query, positive_passages, negative_passages``     Tevatron; passages as ``{docid, title, text}``,
                                                    scores may follow as ``positive_scores`` and
                                                    ``negative_scores``
``query, positive_document_ids,                     Tevatron with a corpus
negative_document_ids``
``query, passage[, title]``                         pairs
``query, positive, negative``                       triples, ``negative`` a text or a list
==================================================  ==============================================

A TSV has the query's text in its first column, then the positive and any number of negatives: ids
if a corpus is given, else texts.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from llm_encoders.corpora import CorpusError
from llm_encoders.errors import nearest


class TrainingDataError(CorpusError):
    """A record that cannot be trained on; names file and line."""


@dataclass(frozen=True)
class Inline:
    """A passage that the training file carries itself."""

    docid: str | None
    title: str | None
    text: str


@dataclass(frozen=True)
class Example:
    """One query with its passages, by id or in full."""

    query: str
    positives: list[str | Inline]
    negatives: list[str | Inline]
    positive_scores: list[float] | None = None
    """Teacher scores, one a positive."""
    negative_scores: list[float] | None = None
    id: str | None = None
    """The query's."""


def numbered_per_record(one: Example) -> bool:
    """Whether a record's own passages are numbered from 0 or 1 on, so that ids say nothing.

    The numbers run through positives and negatives, or start again with the negatives.
    """
    carried = [
        [p.docid for p in ps if isinstance(p, Inline)] for ps in (one.positives, one.negatives)
    ]

    def counts(ids: list[str | None]) -> bool:
        return any(ids == [str(n) for n in range(least, least + len(ids))] for least in (0, 1))

    return counts(carried[0] + carried[1]) or (counts(carried[0]) and counts(carried[1]))


def is_header(columns: list[str], place: str) -> bool:
    """Whether a TSV's line names its columns instead of holding a query and its passages.

    Raises:
        TrainingDataError: it names them in another order than query, positive, negatives.
    """
    kinds = [_HEADS.get(_HEAD_END.sub("", column.strip().lower())) for column in columns]
    if None in kinds or kinds[0] == kinds[-1]:
        return False
    if kinds != ["query", "positive", *["negative"] * (len(kinds) - 2)]:
        raise TrainingDataError(
            place,
            f"a header with the columns {', '.join(columns)}; expected the query first, then the "
            "positive, then any negatives.",
        )
    return True


def example(record: dict[str, Any] | list[str], place: str, has_corpus: bool) -> Example:
    """The example of a record.

    Args:
        record: a JSON object, or the columns of a TSV.
        place: its file and line.
        has_corpus: whether passages are looked up by id; matters to TSV only.

    Raises:
        TrainingDataError: unknown keys, no positive, scores of the wrong length.
    """
    if isinstance(record, list):
        found = _columns(record, place, has_corpus)
    else:
        found = next(
            (read(record, place) for keys, read in _LAYOUTS if keys <= record.keys()), None
        )
        if found is None:
            raise TrainingDataError(place, _unknown(record))
        found = replace(found, id=_query_id(record))
    if not found.query.strip():
        raise TrainingDataError(place, "the query is empty.")
    if not found.positives:
        raise TrainingDataError(place, "the query has no positive passage; every query needs one.")
    for name in ("positive", "negative"):
        scores = getattr(found, f"{name}_scores")
        count = len(getattr(found, f"{name}s"))
        if scores is not None and len(scores) != count:
            raise TrainingDataError(
                place, f"{len(scores)} teacher scores for {count} {name} passages; give one each."
            )
    return found


def _columns(columns: list[str], place: str, has_corpus: bool) -> Example:
    if len(columns) < 2:
        raise TrainingDataError(
            place, "expected tab-separated columns: query, positive and any negatives."
        )
    passages: list[Any] = columns[1:]
    if not has_corpus:
        passages = [Inline(None, None, text) for text in passages]
    return Example(columns[0], passages[:1], passages[1:])


def _contrastive(record: dict[str, Any], place: str) -> Example:
    positives = record["pos_pid"]
    scores = record.get("pos_score")
    return Example(
        _text(record, "question", place),
        _ids(positives if isinstance(positives, list) else [positives], place),
        _ids(record["neg_pids"], place),
        None if scores is None else _numbers(scores, "pos_score", place),
        _numbers(record["neg_scores"], "neg_scores", place) if record.get("neg_scores") else None,
    )


def _distillation(record: dict[str, Any], place: str) -> Example:
    ids = _ids(record["docids"], place)
    scores = _numbers(record["scores"], "scores", place)
    if len(scores) != len(ids):
        raise TrainingDataError(
            place, f"{len(scores)} teacher scores for {len(ids)} passages; give one each."
        )
    return Example(_text(record, "query", place), ids[:1], ids[1:], scores[:1], scores[1:])


def _tevatron(record: dict[str, Any], place: str) -> Example:
    return Example(
        _text(record, "query", place),
        _inlines(record["positive_passages"], place),
        _inlines(record.get("negative_passages") or [], place),
        *(
            None if record.get(key) is None else _numbers(record[key], key, place)
            for key in ("positive_scores", "negative_scores")
        ),
    )


def _tevatron_ids(record: dict[str, Any], place: str) -> Example:
    key = "query" if "query" in record else "query_text"
    return Example(
        _text(record, key, place),
        _ids(record["positive_document_ids"], place),
        _ids(record.get("negative_document_ids") or [], place),
    )


def _pair(record: dict[str, Any], place: str) -> Example:
    title = record.get("title") or None
    passage = Inline(None, title, _text(record, "passage", place))
    return Example(_text(record, "query", place), [passage], [])


def _triple(record: dict[str, Any], place: str) -> Example:
    def inline(value: Any) -> list[Inline | str]:
        texts = value if isinstance(value, list) else [value]
        if not all(isinstance(text, str) for text in texts):
            raise TrainingDataError(place, "'positive' and 'negative' must be texts.")
        return [Inline(None, None, text) for text in texts]

    negatives = inline(record["negative"]) if "negative" in record else []
    return Example(_text(record, "query", place), inline(record["positive"]), negatives)


_QUERY_IDS = ("query_id", "qid")
_HEADS = {
    **dict.fromkeys(("query", "question"), "query"),
    **dict.fromkeys(("positive", "pos", "passage", "document"), "positive"),
    **dict.fromkeys(("negative", "neg"), "negative"),
}
_HEAD_END = re.compile(r"[ _-]?(id|pid|text|passage|document)?[ _-]?[0-9]*$")
_LAYOUTS: list[tuple[set[str], Callable[[dict[str, Any], str], Example]]] = [
    ({"question", "pos_pid", "neg_pids"}, _contrastive),
    ({"query", "docids", "scores"}, _distillation),
    ({"query", "positive_passages"}, _tevatron),
    ({"query", "positive_document_ids"}, _tevatron_ids),
    ({"query_text", "positive_document_ids"}, _tevatron_ids),
    ({"query", "passage"}, _pair),
    ({"query", "positive"}, _triple),
]


def _unknown(record: dict[str, Any]) -> str:
    keys = ", ".join(sorted(record))
    wanted = "; ".join(", ".join(sorted(keys)) for keys, _ in _LAYOUTS)
    absent = [key for keys, _ in _LAYOUTS for key in keys if key not in record]
    hint = next((hint for key in record if (hint := nearest(key, absent))), "")
    return f"the keys {keys} are no known layout (known: {wanted}).{hint}"


def _query_id(record: dict[str, Any]) -> str | None:
    found = next((record[key] for key in _QUERY_IDS if record.get(key) is not None), None)
    return str(found) if isinstance(found, str | int) and not isinstance(found, bool) else None


def _text(record: dict[str, Any], key: str, place: str) -> str:
    if not isinstance(record[key], str):
        raise TrainingDataError(place, f"'{key}' must be a text.")
    return record[key]


def _ids(values: Any, place: str) -> list[str | Inline]:
    if not isinstance(values, list) or not all(
        isinstance(value, str | int) and not isinstance(value, bool) for value in values
    ):
        raise TrainingDataError(place, "passage ids must be a list of strings or integers.")
    return [str(value) for value in values]


def _numbers(values: Any, key: str, place: str) -> list[float]:
    numbers = values if isinstance(values, list) else [values]
    for number in numbers:
        good = isinstance(number, int | float) and not isinstance(number, bool)
        if not good or not math.isfinite(number):
            raise TrainingDataError(place, f"'{key}' must hold finite numbers.")
    return [float(number) for number in numbers]


def _inlines(passages: Any, place: str) -> list[str | Inline]:
    if not isinstance(passages, list):
        raise TrainingDataError(place, "positive_passages and negative_passages must be lists.")
    return [_inline(passage, place) for passage in passages]


def _inline(passage: Any, place: str) -> Inline:
    if not isinstance(passage, dict) or not isinstance(passage.get("text"), str):
        raise TrainingDataError(place, "a passage must be an object with docid, title and text.")
    docid = passage.get("docid")
    return Inline(
        None if docid is None else str(docid), passage.get("title") or None, passage["text"]
    )
