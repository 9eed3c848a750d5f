"""What must not be in a file of queries: passages, judgements and scores."""

import re
from typing import Any

from llm_encoders.corpora import CorpusError

TEXT_KEYS = ("text", "query", "question")
_ID_KEYS = ("_id", "id", "qid", "query_id", "query-id")
_HARMLESS = {*TEXT_KEYS, *_ID_KEYS, "metadata", "source", "lang", "language"}
_LABELS = re.compile(
    "label|relevan|judg|qrel|grade|negativ|positiv|scor|similarit|teacher|answer|passage|"
    r"(^|_)(pos|neg)(_|$)|pids?$|doc|corpus|corpora"
)
_GRADE = re.compile(r"-?[0-9]{1,2}(\.0*)?")
_NUMBER = re.compile(r"\s*[0-9]+\s*")
_TREC = re.compile(r"\S+\s+(0|Q0)\s+\S+\s+-?[0-9]+(\s+-?[0-9][0-9.eE+-]*\s+\S+)?")
_CURE = (
    "Distillation takes the texts of queries alone; leave the labels out, or name a file of scored "
    "passages under candidates.source."
)


def query_of(record: dict[str, Any], place: str) -> str:
    """The text of a JSON object.

    Raises:
        CorpusError: no text, several, or a key that may hold labels.
    """
    for key, value in record.items():
        if key in _HARMLESS or value in (None, [], {}):
            continue
        if _LABELS.search(str(key).lower()):
            raise CorpusError(place, f"the key '{key}' may hold passages or labels. {_CURE}")
    if record.get("title") is not None:
        raise CorpusError(
            place,
            "the key 'title' is that of a document. Documents become queries by 'kind: titles' or "
            "'kind: crops'.",
        )
    given = [key for key in TEXT_KEYS if record.get(key) is not None]
    if len(given) != 1:
        found = f"there are {' and '.join(given)}" if given else "there is none"
        raise CorpusError(place, f"expected the query's text in 'text' or 'query'; {found}.")
    text = record[given[0]]
    if not isinstance(text, str):
        raise CorpusError(place, f"'{given[0]}' must be a text.")
    return _filled(text, place)


def column_of(columns: list[str], place: str) -> str:
    """The text of a line of tab-separated columns, which are id and text.

    Raises:
        CorpusError: other columns, as those of qrels.
    """
    if len(columns) in (3, 4) and _GRADE.fullmatch(columns[-1].strip()):
        raise CorpusError(place, f"a judgement: query id, document id and grade. {_CURE}")
    if len(columns) != 2:
        raise CorpusError(
            place, f"{len(columns)} tab-separated columns; expected id and text. {_CURE}"
        )
    return _filled(columns[1], place)


def _filled(text: str, place: str) -> str:
    if not text.strip():
        raise CorpusError(place, "the query is empty.")
    return text


def is_header(columns: list[str]) -> bool:
    """Whether the first line of a TSV names its columns."""
    names = [name.strip().lower() for name in columns]
    return names[0] in _ID_KEYS and names[-1] in TEXT_KEYS


def no_text(text: str) -> str | None:
    """What a line is that holds no query, if it is that throughout a file.

    A query may be a number, or look like a judgement ("bmw 0 to 60"); all of a file are not.

    Returns:
        ``None`` for a text.
    """
    if _NUMBER.fullmatch(text):
        return "whole numbers, ids and not texts"
    if _TREC.fullmatch(text.strip()):
        return "lines of TREC qrels or of a run"
    return None
