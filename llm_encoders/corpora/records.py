"""From a record, a mapping with an id and fields, to a document."""

import re
from typing import Any

from llm_encoders.corpora.document import CorpusError, Document
from llm_encoders.errors import UsageError

ID_FIELDS = ("id", "_id", "docid")
_LONGEST_ID = 8000  # so that its UTF-8 is within the 32,766 bytes of a Lucene term
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
ENCODED_FIELDS = ("title", "text")


class RecordReader:
    """Which fields of a record are id, title and text; see :func:`open_corpus`."""

    def __init__(
        self,
        fields: list[str] | None = None,
        encoded_fields: list[str] | None = None,
        docid_field: str | None = None,
        delimiter: str = "\n",
    ) -> None:
        if not delimiter:
            raise UsageError("The delimiter between fields is empty; give at least one character.")
        self.fields = fields
        self.encoded_fields = list(ENCODED_FIELDS) if encoded_fields is None else encoded_fields
        self.id_fields = (docid_field,) if docid_field else ID_FIELDS
        self.delimiter = delimiter

    def document(self, record: dict[str, Any], place: str) -> Document:
        """The document of a record.

        Raises:
            CorpusError: no id, no fields, or nothing to encode.
        """
        docid = self._id(record, place)
        values = self._default_fields(record) if self.fields is None else self._fields(record)
        if isinstance(values, str):
            raise CorpusError(place, values, docid)
        title, text, contents = values
        if not text.strip() and not (title or "").strip():
            raise CorpusError(place, f"document '{docid}' has an empty text.", docid)
        return Document(docid, title, text, contents, place)

    def _id(self, record: dict[str, Any], place: str) -> str:
        docid = next((record[f] for f in self.id_fields if record.get(f) is not None), None)
        if not isinstance(docid, str | int) or isinstance(docid, bool) or docid == "":
            names = "', '".join(self.id_fields)
            raise CorpusError(place, f"no id; expected a string or an integer in '{names}'.")
        docid = str(docid)
        if problem := id_problem(docid):
            raise CorpusError(place, problem)
        return docid

    def _default_fields(self, record: dict[str, Any]) -> tuple[str | None, str, str] | str:
        """Title, text and contents of a record; a string says what is wrong."""
        if "text" not in record:
            contents = record.get("contents")
            if not isinstance(contents, str):
                return "no 'text' and no 'contents'; name the fields with --fields."
            return None, contents.strip(), contents
        title, text = record.get("title") or None, record["text"]
        if not isinstance(text, str) or not isinstance(title, str | None):
            return "title and text must be strings."
        text, title = text.strip(), title.strip() if title else None
        contents = text if title is None else f"{title}\n{text}"
        return title if "title" in self.encoded_fields else None, text, contents

    def _fields(self, record: dict[str, Any]) -> tuple[str | None, str, str] | str:
        assert self.fields is not None
        if all(name in record for name in self.fields):
            values = [record[name] if record[name] is not None else "" for name in self.fields]
            if not all(isinstance(value, str) for value in values):
                return f"{', '.join(self.fields)} must be strings."
            values = [value.strip() for value in values]
        elif isinstance(record.get("contents"), str):
            contents = record["contents"]
            if contents.count(self.delimiter) == len(self.fields):
                contents = contents.removesuffix(self.delimiter)
            values = [value.strip(" ") for value in contents.split(self.delimiter)]
            if len(values) != len(self.fields):
                return (
                    f"'contents' has {len(values)} fields by the delimiter {self.delimiter!r}; "
                    f"expected {len(self.fields)}: {', '.join(self.fields)}."
                )
        else:
            absent = next(name for name in self.fields if name not in record)
            return f"no field '{absent}' and no 'contents'."
        named = dict(zip(self.fields, values, strict=True))
        title = named["title"] or None if "title" in self.encoded_fields else None
        return title, named["text"], "\n".join(values)


def id_problem(name: str) -> str | None:
    """Why a document's or query's id cannot stand in indexes and run files; ``None`` if it can."""
    if name.split() != [name]:
        return f"id {name[:40]!r} holds whitespace, which run files cannot hold."
    if _CONTROL.search(name):
        return f"id {name[:40]!r} holds a control character, which indexes do not keep."
    if len(name) > _LONGEST_ID:
        return f"id {name[:40]!r}… has over {_LONGEST_ID:,} characters."
    if not _is_unicode(name):
        return f"id {name[:40]!r} holds half of a surrogate pair, which is not text."
    return None


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
