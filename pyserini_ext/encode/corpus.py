"""Reading a JSONL corpus as a stream, with errors that name file and line."""

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm_encoders.errors import EncoderError

_ID_FIELDS = ("id", "_id", "docid")
ENCODED_FIELDS = ("title", "text")


@dataclass(frozen=True)
class Document:
    """One document: its id, what is encoded, and what the output repeats as ``contents``."""

    id: str
    title: str | None
    text: str
    contents: str
    place: str
    """File and line, for errors."""


class CorpusError(EncoderError):
    """A line that is no usable document."""

    def __init__(self, path: Path, line: int, problem: str) -> None:
        super().__init__(f"{path}, line {line}: {problem}")


class JsonlCorpus:
    """A JSONL file (gzip allowed), a folder of such files, or a folder in BEIR layout.

    Args:
        path: file or folder; files of a folder are read in the order of their names.
        fields: the input's fields in order; ``None`` takes title and text where a document has
            them, else all of ``contents``.
        encoded_fields: which are encoded, of ``title`` and ``text``; default both.
        docid_field: field of the id; default ``id``, ``_id`` or ``docid``.
        delimiter: between the fields inside ``contents``.
    """

    def __init__(
        self,
        path: str,
        fields: list[str] | None = None,
        encoded_fields: list[str] | None = None,
        docid_field: str | None = None,
        delimiter: str = "\n",
    ) -> None:
        self.files = _files(Path(path))
        self.fields = fields
        self.encoded_fields = list(ENCODED_FIELDS) if encoded_fields is None else encoded_fields
        self.id_fields = (docid_field,) if docid_field else _ID_FIELDS
        self.delimiter = delimiter

    def documents(self, on_fault: Callable[[CorpusError], None]) -> Iterator[Document]:
        """Yield the good documents in order; every fault goes to ``on_fault``, which may raise.

        A fault is a line that is not a JSON object, lacks an id or the fields, repeats an id, or
        has nothing to encode. Blank lines are passed over.
        """
        seen: set[str] = set()
        for path in self.files:
            for number, line in _lines(path):
                try:
                    document = self._parse(line, path, number)
                    if document.id in seen:
                        raise CorpusError(path, number, f"id '{document.id}' occurs before.")
                except CorpusError as fault:
                    on_fault(fault)
                else:
                    seen.add(document.id)
                    yield document

    def _parse(self, line: bytes, path: Path, number: int) -> Document:
        def fault(problem: str) -> CorpusError:
            return CorpusError(path, number, problem)

        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise fault(f"not valid JSON ({error.msg}, column {error.colno}).") from None
        except UnicodeDecodeError:
            raise fault("not valid UTF-8.") from None
        if not isinstance(record, dict):
            raise fault("expected a JSON object.")
        docid = next((record[f] for f in self.id_fields if record.get(f) is not None), None)
        if not isinstance(docid, str | int) or isinstance(docid, bool) or docid == "":
            names = "', '".join(self.id_fields)
            raise fault(f"no id; expected a string or an integer in '{names}'.")
        if str(docid).split() != [str(docid)]:
            raise fault(f"id {docid!r} holds whitespace, which run files cannot.")
        if not _is_unicode(str(docid)):
            raise fault(f"id {docid!r} holds half of a surrogate pair, which is no text.")
        values = self._default_fields(record) if self.fields is None else self._fields(record)
        if isinstance(values, str):
            raise fault(values)
        title, text, contents = values
        if not f"{title or ''}{text}".strip():
            raise fault(f"document '{docid}' has an empty text.")
        return Document(str(docid), title, text, contents, f"{path}, line {number}")

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


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise EncoderError(f"There is no corpus '{path}'; give a JSONL file or a folder.")
    beir = path / "corpus.jsonl"
    if beir.is_file() and ((path / "queries.jsonl").exists() or (path / "qrels").exists()):
        return [beir]
    files = sorted(p for p in path.iterdir() if p.is_file() and p.name[0] not in "._")
    if not files:
        raise EncoderError(f"The corpus folder '{path}' holds no files.")
    return files


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as stream:
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    yield number, line
    except (gzip.BadGzipFile, EOFError) as error:
        raise EncoderError(f"{path}: broken gzip file ({error}).") from None


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
