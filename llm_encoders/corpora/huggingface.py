"""Corpora in Hugging Face ``datasets``: saved folders, Parquet files, and the Hub."""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from llm_encoders.corpora import files
from llm_encoders.corpora.document import BEGINNING, CorpusError, Document, Position
from llm_encoders.corpora.records import RecordReader
from llm_encoders.errors import EncoderError, UsageError, nearest
from llm_encoders.jobs.fingerprint import file_fingerprints

_HUB = re.compile(r"hf:(?P<name>[\w.-]+/[\w.-]+)(?P<options>(,(config|split)=[^,]+)*)")


def is_dataset(path: str) -> bool:
    """Whether ``--corpus`` names a dataset rather than text files.

    Raises:
        EncoderError: a folder holds both Parquet and text files.
    """
    if _HUB.fullmatch(path):
        return True
    return Path(path).suffix.lower() == ".parquet" or bool(_kind(Path(path)))


def _kind(folder: Path) -> str:
    if not folder.is_dir():
        return ""
    if (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file():
        return "saved"
    found = _parquet_files(folder)
    if not found:
        return ""
    others = [file for file in files.walk(folder) if file not in found]
    if others:
        raise EncoderError(
            f"{folder} holds both {found[0].name} and {others[0].name}; name one of them, or move "
            "the Parquet files to a folder of their own."
        )
    return "parquet"


def _parquet_files(folder: Path) -> list[Path]:
    return [file for file in files.walk(folder) if file.suffix.lower() == ".parquet"]


def local_files(path: str) -> list[Path]:
    """The files of a dataset that is stored here; none of one on the Hub."""
    folder = Path(path)
    found = sorted(folder.rglob("*")) if folder.is_dir() else [folder]
    return [file for file in found if file.is_file()]


class DatasetCorpus:
    """Rows of a dataset, read as a stream.

    Args:
        path: a Parquet file or folder of them; a folder written by ``save_to_disk``; or
            ``hf:ORGANISATION/NAME[,config=NAME][,split=NAME]``, split ``train`` by default.
        reader: which columns are id, title and text.
    """

    def __init__(self, path: str, reader: RecordReader) -> None:
        self.name = path
        self.reader = reader
        self.seekable = False
        self._rows = _open(path)

    def fingerprint(self) -> list[Any]:
        """Name, and size and time of modification, of local files; unknown for the Hub."""
        found = file_fingerprints(local_files(self.name)).items()
        return [[Path(path).name, one] for path, one in found]

    def documents(
        self, on_fault: Callable[[CorpusError], None], start: Position = BEGINNING
    ) -> Iterator[tuple[Position, Document]]:
        """Yield the good documents; see :class:`llm_encoders.corpora.Corpus`."""
        for row, record in enumerate(self._records(start.line - 1), start=start.line):
            place = f"{self.name}, row {row}"
            try:
                document = self.reader.document(record, place)
            except CorpusError as fault:
                on_fault(fault)
            else:
                yield Position(0, row, 0), document

    def _records(self, first: int) -> Iterator[dict[str, Any]]:
        return _read(self.name, self._rows, first)


def rows(path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (dataset and row number, row) of every row."""
    for number, row in enumerate(_read(path, _open(path), 0), start=1):
        yield f"{path}, row {number}", row


def _read(
    name: str, rows_from: Callable[[int], Iterable[dict[str, Any]]], first: int
) -> Iterator[dict[str, Any]]:
    try:
        yield from rows_from(first)
    except Exception as error:  # files, Arrow and the Hub raise a dozen classes
        reason = " ".join(str(error).split())
        raise EncoderError(f"{name}: {type(error).__name__}: {reason}") from error


def _open(path: str) -> Callable[[int], Iterable[dict[str, Any]]]:
    """Rows from a given one on."""
    import datasets

    try:
        if hub := _HUB.fullmatch(path):
            words = [part.split("=", 1) for part in hub["options"].split(",") if part]
            options = dict(words)
            dataset: Any = datasets.load_dataset(
                hub["name"],
                options.get("config"),
                split=options.get("split", "train"),
                streaming=True,
            )
        elif Path(path).suffix.lower() == ".parquet" or _kind(Path(path)) == "parquet":
            folder = Path(path)
            parts = [folder] if folder.is_file() else _parquet_files(folder)
            dataset = datasets.load_dataset(
                "parquet", data_files=[str(part) for part in parts], split="train", streaming=True
            )
        else:
            dataset = _one_split(datasets.load_from_disk(path), path).to_iterable_dataset()
    except UsageError:
        raise
    except Exception as error:  # files, Arrow and the Hub raise a dozen classes
        reason = " ".join(str(error).split())
        raise EncoderError(f"Cannot open {path}: {type(error).__name__}: {reason}") from error
    return lambda first: dataset.skip(first) if first else dataset


def _one_split(saved: Any, path: str) -> Any:
    if not isinstance(saved, dict):
        return saved
    name = "train" if "train" in saved else next(iter(saved))
    if len(saved) > 1 and "train" not in saved:
        raise UsageError(
            f"{path} has the splits {', '.join(saved)}; name the folder of one of them."
            f"{nearest('train', saved)}"
        )
    return saved[name]
