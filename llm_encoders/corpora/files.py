"""Text files as streams of lines, plain or compressed, from any position."""

import gzip
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from llm_encoders.errors import EncoderError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_SKIP_BYTES = 2**20
COMPRESSED = (".gz", ".zst")


def list_files(path: Path) -> list[Path]:
    """The files of a corpus in order: one file, a folder's by name, or BEIR's ``corpus.jsonl``."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise EncoderError(f"There is no corpus '{path}'; give a file or a folder.")
    beir = path / "corpus.jsonl"
    if beir.is_file() and ((path / "queries.jsonl").exists() or (path / "qrels").exists()):
        return [beir]
    files = sorted(p for p in path.iterdir() if p.is_file() and p.name[0] not in "._")
    if not files:
        raise EncoderError(f"The corpus folder '{path}' holds no files.")
    return files


def plain_suffix(path: Path) -> str:
    """The suffix without that of a compression: ``.tsv`` of ``a.tsv.gz``."""
    return (Path(path.stem) if path.suffix in COMPRESSED else path).suffix


def lines(path: Path, line: int = 1, offset: int = 0) -> Iterator[tuple[int, int, bytes]]:
    """Yield (line number, bytes before it, line) of every line that is not blank.

    Args:
        path: the file; ``.gz`` and ``.zst`` are uncompressed.
        line: number of the first line to yield.
        offset: uncompressed bytes before that line.

    Raises:
        EncoderError: broken compression.
    """
    try:
        with _open(path) as stream:
            _skip(stream, offset)
            for content in stream:
                if not content.isspace():
                    yield line, offset, content
                line, offset = line + 1, offset + len(content)
    except (gzip.BadGzipFile, EOFError, zlib.error, zstd.ZstdError) as error:
        kind = "zstd" if path.suffix == ".zst" else "gzip"
        raise EncoderError(f"{path}: broken {kind} file ({error}).") from None


def _open(path: Path) -> Any:
    if path.suffix == ".gz":
        return gzip.open(path, "rb")
    if path.suffix == ".zst":
        return zstd.open(path, "rb")
    return path.open("rb")


def _skip(stream: BinaryIO, count: int) -> None:
    if not isinstance(stream, gzip.GzipFile | zstd.ZstdFile):
        stream.seek(count)
        return
    while count > 0:
        count -= len(stream.read(min(count, _SKIP_BYTES))) or count
