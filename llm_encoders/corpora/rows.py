"""Files of records as they are, without a notion of documents: JSON lines, TSV, datasets."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llm_encoders.corpora import files, huggingface
from llm_encoders.corpora.document import CorpusError
from llm_encoders.corpora.lines import parse_json
from llm_encoders.errors import EncoderError, UsageError


def rows(path: str) -> Iterator[tuple[str, dict[str, Any] | list[str]]]:
    """Yield (file and line, record) of every row: a mapping, or a list of columns for ``.tsv``.

    Args:
        path: a JSONL or TSV file or a folder of them (``.gz`` and ``.zst`` allowed), Parquet
            files, a dataset saved by ``datasets``, or ``hf:ORGANISATION/NAME``.

    Raises:
        EncoderError: nothing is there, or a line cannot be parsed; names file and line.
    """
    if huggingface.is_dataset(path):
        yield from huggingface.rows(path)
        return
    if path.startswith("hf:"):
        raise UsageError(f"'{path}' names no dataset; write hf:ORGANISATION/NAME.")
    if not Path(path).exists():
        raise EncoderError(f"There is no file or folder '{path}'.")
    for file in files.list_files(Path(path)):
        tabular = files.plain_suffix(file) == ".tsv"
        for line, _, content in files.lines(file):
            place = f"{file}, line {line}"
            yield place, _columns(content, place) if tabular else parse_json(content, place)


def _columns(content: bytes, place: str) -> list[str]:
    try:
        return content.decode("utf-8").rstrip("\r\n").split("\t")
    except UnicodeDecodeError:
        raise CorpusError(place, "not valid UTF-8.") from None
