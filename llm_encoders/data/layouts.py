"""Layouts of JSON training files: one record to one query with its passages.

A record is recognised by its keys:

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
``query, positive``                                 pairs and, with negatives, triples
==================================================  ==============================================

The negatives of the last two are ``negative``, a text or a list; ``negatives``, a list; or
``negative_1``, ``negative_2`` and so on, as sentence-transformers has them.

No key is left unread without a word: those that may hold passages, labels or scores are refused,
others are listed in :attr:`Example.unused`, but for ids and what is known to say nothing of
relevance.
"""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from llm_encoders.corpora.records import ID_FIELDS
from llm_encoders.data.example import Example, Inline, TrainingDataError
from llm_encoders.errors import nearest

_QUERY_IDS = ("query_id", "qid")
# Ids of records; where a record comes from; short answers, beside Tevatron's passages of questions.
_HARMLESS = {*ID_FIELDS, *_QUERY_IDS, "source", "answers"}
_PASSAGE_IDS = {"passage_id": "passage", "positive_id": "positive", "negative_id": "negative"}
"""Ids of texts that the record carries, and the keys of the texts."""
_PASSAGE_KEYS = {"docid", "title", "text"}
_NUMBERED = re.compile("negative_([0-9]+)")
_WORD = re.compile("[A-Z]?[a-z]+|[A-Z]+")
_LABEL = re.compile("label|relevan")
_SUSPICIOUS = re.compile("label|relevan|negativ|positiv|scor|similarit|logit|teacher")
_SUSPICIOUS_WORD = re.compile("neg|hard|pos(?!ition|t|sib|sess|e)")
"""At the beginning of a word: not of *shard*, *purpose*, *position*."""


@dataclass(frozen=True)
class _Layout:
    needed: tuple[str, ...]
    optional: tuple[str, ...]
    read: Callable[[dict[str, Any], str], Example]

    def reads(self, key: str) -> bool:
        return key in self.needed or key in self.optional or self._numbered(key)

    def _numbered(self, key: str) -> bool:
        return "negatives" in self.optional and bool(_NUMBERED.fullmatch(key))


def example(record: dict[str, Any], place: str) -> Example:
    """The example of a JSON object.

    Args:
        record: the object.
        place: its file and line.

    Raises:
        TrainingDataError: unknown keys, no positive, scores of the wrong length.
    """
    layout = next((one for one in _LAYOUTS if record.keys() >= set(one.needed)), None)
    if layout is None:
        raise TrainingDataError(place, _unknown(record))
    unused = tuple(_unused(record, layout, place))
    found = layout.read(record, place)
    return replace(found, id=_query_id(record), unused=(*unused, *found.unused))


def _unused(record: dict[str, Any], layout: _Layout, place: str) -> Iterator[str]:
    """The keys that the layout does not read.

    Raises:
        TrainingDataError: one may hold passages, labels or scores.
    """
    for key, value in record.items():
        if layout.reads(key) or key in _HARMLESS or value is None or value in ([], {}):
            continue
        if _PASSAGE_IDS.get(key) in record:
            continue
        absent = [name for name in layout.optional if record.get(name) is None]
        elsewhere = any(key != "title" and one.reads(key) for one in _LAYOUTS)
        typo = get_close_matches(key, absent, n=1, cutoff=0.8)
        if elsewhere or typo or _suspicious(key):
            raise TrainingDataError(place, _refusal(key, layout, absent))
        yield key


def _suspicious(key: str) -> bool:
    """Whether a key may hold passages, labels or scores."""
    words = (word.lower() for word in _WORD.findall(key))
    return bool(_SUSPICIOUS.search(key.lower())) or any(map(_SUSPICIOUS_WORD.match, words))


def _refusal(key: str, layout: _Layout, absent: list[str]) -> str:
    if _LABEL.search(key.lower()):
        return (
            f"the key '{key}' is not read: a positive passage counts as relevant whatever a label "
            "says. Leave out what is not relevant, or give it as negatives, and remove the key."
        )
    return (
        f"the key '{key}' may hold a query, passages or scores, but is not read beside "
        f"{' and '.join(layout.needed)}.{nearest(key, absent)} Rename it, or remove it if it is "
        "not meant for training."
    )


def _contrastive(record: dict[str, Any], place: str) -> Example:
    positives = record["pos_pid"]
    return Example(
        _text(record, "question", place),
        _ids(positives if isinstance(positives, list) else [positives], place),
        _ids(record["neg_pids"], place),
        _optional_numbers(record, "pos_score", place),
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
    unused: dict[str, None] = {}
    return Example(
        _text(record, "query", place),
        _inlines(record["positive_passages"], place, unused),
        _inlines(record.get("negative_passages") or [], place, unused),
        _optional_numbers(record, "positive_scores", place),
        _optional_numbers(record, "negative_scores", place),
        unused=tuple(unused),
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
    negatives = _negatives(record, place)
    if title is not None and negatives:
        raise TrainingDataError(
            place,
            "'title' is the title of 'passage', and the negatives have none, which tells them "
            "apart. Give all passages as {title, text}, as positive_passages and "
            "negative_passages.",
        )
    return Example(_text(record, "query", place), [passage], negatives)


def _triple(record: dict[str, Any], place: str) -> Example:
    positives = _carried(record["positive"], "positive", place)
    return Example(_text(record, "query", place), positives, _negatives(record, place))


def _negatives(record: dict[str, Any], place: str) -> list[Inline | str]:
    """Those of ``negative``, ``negatives`` or ``negative_1``, ``negative_2``, …"""
    numbers = {key: int(found[1]) for key in record if (found := _NUMBERED.fullmatch(key))}
    keys = ["negative", "negatives", *sorted(numbers, key=numbers.__getitem__)]
    given = {key: record[key] for key in keys if record.get(key) is not None}
    whole = [key for key in given if key not in numbers]
    if len(whole) > 1 or (whole and len(given) > 1):
        raise TrainingDataError(
            place, f"negatives are given as {' and as '.join(list(given)[:2])}; join them in one."
        )
    if "negatives" in given and not isinstance(given["negatives"], list):
        raise TrainingDataError(place, "'negatives' must be a list of texts.")
    if list_key := next((key for key in given if key in numbers and _is_list(given[key])), None):
        raise TrainingDataError(place, f"'{list_key}' must be a text.")
    return [one for key, value in given.items() for one in _carried(value, key, place)]


def _carried(value: Any, key: str, place: str) -> list[Inline | str]:
    """A text, or a list of texts, as passages."""
    texts = value if isinstance(value, list) else [value]
    if not all(isinstance(text, str) for text in texts):
        raise TrainingDataError(place, f"'{key}' must be a text or a list of texts.")
    return [Inline(None, None, text) for text in texts]


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


_TEXTS = ("negative", "negatives")
_LAYOUTS = [
    _Layout(
        ("question", "pos_pid", "neg_pids"), ("pos_score", "neg_scores", "teacher"), _contrastive
    ),
    _Layout(("query", "docids", "scores"), ("teacher",), _distillation),
    _Layout(
        ("query", "positive_passages"),
        ("negative_passages", "positive_scores", "negative_scores", "teacher"),
        _tevatron,
    ),
    _Layout(("query", "positive_document_ids"), ("negative_document_ids",), _tevatron_ids),
    _Layout(("query_text", "positive_document_ids"), ("negative_document_ids",), _tevatron_ids),
    _Layout(("query", "passage"), ("title", *_TEXTS), _pair),
    _Layout(("query", "positive"), _TEXTS, _triple),
]


def _unknown(record: dict[str, Any]) -> str:
    keys = ", ".join(sorted(record))
    if any(key in record for key in ID_FIELDS) and record.keys() & {"text", "contents"}:
        return (
            f"the keys {keys} are those of a document, or of a query alone; training needs queries "
            "with their passages. Name a file of documents as the corpus, and a folder in BEIR "
            "layout as a whole."
        )
    wanted = "; ".join(", ".join(sorted(one.needed)) for one in _LAYOUTS)
    absent = [key for one in _LAYOUTS for key in one.needed if key not in record]
    hint = next((hint for key in record if (hint := nearest(key, absent))), "")
    return f"the keys {keys} are no known layout (known: {wanted}).{hint}"


def _query_id(record: dict[str, Any]) -> str | None:
    found = next((record[key] for key in _QUERY_IDS if record.get(key) is not None), None)
    return str(found) if isinstance(found, str | int) and not isinstance(found, bool) else None


def _text(record: dict[str, Any], key: str, place: str) -> str:
    value = record[key]
    if not isinstance(value, str):
        raise TrainingDataError(place, f"'{key}' must be a text.")
    return value


def _ids(values: Any, place: str) -> list[str | Inline]:
    if not isinstance(values, list) or not all(
        isinstance(value, str | int) and not isinstance(value, bool) for value in values
    ):
        raise TrainingDataError(place, "passage ids must be a list of strings or integers.")
    return [str(value) for value in values]


def _optional_numbers(record: dict[str, Any], key: str, place: str) -> list[float] | None:
    return None if record.get(key) is None else _numbers(record[key], key, place)


def _numbers(values: Any, key: str, place: str) -> list[float]:
    numbers = values if isinstance(values, list) else [values]
    for number in numbers:
        good = isinstance(number, int | float) and not isinstance(number, bool)
        if not good or not math.isfinite(number):
            raise TrainingDataError(place, f"'{key}' must hold finite numbers.")
    return [float(number) for number in numbers]


def _inlines(passages: Any, place: str, unused: dict[str, None]) -> list[str | Inline]:
    if not isinstance(passages, list):
        raise TrainingDataError(place, "positive_passages and negative_passages must be lists.")
    return [_inline(passage, place, unused) for passage in passages]


def _inline(passage: Any, place: str, unused: dict[str, None]) -> Inline:
    if not isinstance(passage, dict) or not isinstance(passage.get("text"), str):
        raise TrainingDataError(place, "a passage must be an object with docid, title and text.")
    for key in passage.keys() - _PASSAGE_KEYS:
        if passage[key] is not None:
            _refuse_in_passage(key, place)
            unused[f"{key} of a passage"] = None
    docid = passage.get("docid")
    return Inline(
        None if docid is None else str(docid), passage.get("title") or None, passage["text"]
    )


def _refuse_in_passage(key: str, place: str) -> None:
    if _suspicious(key):
        raise TrainingDataError(
            place,
            f"the key '{key}' of a passage is not read. Whether a passage is relevant is said by "
            "positive_passages and negative_passages, its score by positive_scores and "
            "negative_scores; remove the key.",
        )
