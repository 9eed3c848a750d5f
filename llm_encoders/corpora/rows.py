"""Files of records as they are, without a notion of documents: JSON lines, TSV, datasets."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llm_encoders.corpora import files, huggingface
from llm_encoders.corpora.lines import parse_columns, parse_json
from llm_encoders.corpora.trec_car.naming import is_trec_car
from llm_encoders.errors import EncoderError, UsageError

Row = dict[str, Any] | list[str]


def rows(path: str) -> Iterator[tuple[str, Row]]:
    """Yield (file and line, record) of every row: a mapping, or a list of columns for ``.tsv``.

    Args:
        path: a JSONL or TSV file or a folder of them (``.gz``, ``.zst`` and ``.xz`` allowed),
            Parquet files, a dataset saved by ``datasets``, or ``hf:ORGANISATION/NAME``.

    Raises:
        EncoderError: nothing is there, or a line cannot be parsed; names file and line.
    """
    if huggingface.is_dataset(path):
        yield from huggingface.rows(path)
        return
    for file in row_files(path):
        yield from file_rows(file)


def row_files(path: str) -> list[Path]:
    """The text files that :func:`rows` reads, in order."""
    if path.startswith("hf:"):
        raise UsageError(f"'{path}' names no dataset; write hf:ORGANISATION/NAME.")
    if Path(path).is_file():
        if is_trec_car(Path(path)):
            raise UsageError(
                f"{path} is a file of TREC CAR, and no training data; make training pairs of "
                "articles with python -m llm_encoders.trec_car pairs."
            )
        return [Path(path)]
    if not Path(path).is_dir():
        raise EncoderError(f"There is no file or folder '{path}'.")
    return files.record_files(Path(path), "records")


def file_rows(file: Path) -> Iterator[tuple[str, Row]]:
    """As :func:`rows`, of one text file. All lines of a TSV have as many columns as its first."""
    tabular = files.plain_suffix(file) == ".tsv"
    columns: int | None = None
    for line, _, content in files.lines(file):
        place = f"{file}, line {line}"
        if not tabular:
            yield place, parse_json(content, place)
            continue
        values = parse_columns(content, place, columns)
        columns = len(values)
        yield place, values
