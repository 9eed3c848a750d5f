"""Files of many records as streams of lines, plain or compressed, from any position."""

import codecs
import gzip
import io
import lzma
import re
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from llm_encoders.errors import EncoderError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_SKIP_BYTES = 2**20
_BOM = codecs.BOM_UTF8
_WIDE_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
"""Those of UTF-16 and UTF-32; that of UTF-32-LE begins with that of UTF-16-LE."""
COMPRESSED = {".gz": "gzip", ".zst": "zstd", ".xz": "xz"}
"""Suffixes of compressed files, and what the compression is called."""
_BROKEN = (gzip.BadGzipFile, EOFError, zlib.error, zstd.ZstdError, lzma.LZMAError)
_ARCHIVES = (".tar", ".tgz", ".txz", ".zip")
RECORDS = (".jsonl", ".json", ".ndjson", ".tsv", "")
"""Suffixes, without that of a compression, of files that a folder of records may hold."""
# What repositories of data carry beside the data.
_ABOUT = re.compile(
    r"(README|LICEN[CS]E|NOTICE|CITATION|CHANGELOG)(\.(md|mkd|txt|rst|cff))?|.*\.md"
    r"|dataset_infos?\.json",
    re.IGNORECASE,
)


def list_files(path: Path) -> list[Path]:
    """The file itself, or a folder's files by name; hidden ones (``.`` and ``_``) are left out.

    Raises:
        EncoderError: nothing is there.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise EncoderError(f"There is no corpus '{path}'; give a file or a folder.")
    files = sorted(p for p in path.iterdir() if p.is_file() and p.name[0] not in "._")
    if not files:
        raise EncoderError(f"The corpus folder '{path}' holds no files.")
    return files


def walk(folder: Path) -> list[Path]:
    """All files of a folder and its subfolders, sorted by path, as Anserini reads a corpus.

    Hidden files and folders (``.`` and ``_``) and descriptions (README, LICENSE, …) are left out.

    Raises:
        EncoderError: a link leads back to a folder that it lies in.
    """
    return list(_walk(folder, (folder.resolve(),)))


def _walk(folder: Path, above: tuple[Path, ...]) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name[0] in "._":
            continue
        if path.is_dir():
            real = path.resolve()
            if real in above:
                raise EncoderError(f"The link {path} leads back to {real}, which it lies in.")
            yield from _walk(path, (*above, real))
        elif path.is_file() and not _ABOUT.fullmatch(path.name):
            yield path


def record_files(folder: Path, what: str) -> list[Path]:
    """The files of records in a folder and its subfolders.

    Args:
        folder: the folder.
        what: what the records are, for errors, such as ``documents``.

    Raises:
        EncoderError: there are none, or there are files of another kind.
    """
    files = walk(folder)
    if not files:
        raise EncoderError(f"The folder '{folder}' holds no files of {what}.")
    for file in files:
        if plain_suffix(file) not in RECORDS:
            raise EncoderError(
                f"{file} is no file of {what} (.jsonl, .json or .tsv, also as .gz, .zst or .xz); "
                f"move it out of {folder}, or name the files of {what} one by one."
            )
    return files


def compression(path: Path) -> str:
    """The suffix of a compression, in lower case; empty if the file is not compressed."""
    suffix = path.suffix.lower()
    return suffix if suffix in COMPRESSED else ""


def plain_suffix(path: Path) -> str:
    """The suffix without that of a compression, in lower case: ``.tsv`` of ``a.TSV.gz``."""
    return (Path(path.stem) if compression(path) else path).suffix.lower()


def lines(path: Path, line: int = 1, offset: int = 0) -> Iterator[tuple[int, int, bytes]]:
    """Yield (line number, bytes before it, line) of every line that is not blank.

    A byte-order mark at the beginning of the file is no part of the first line.

    Args:
        path: the file; ``.gz``, ``.zst`` and ``.xz`` are uncompressed.
        line: number of the first line to yield.
        offset: uncompressed bytes before that line.

    Raises:
        EncoderError: broken compression, or text in UTF-16.
    """
    with reading(path) as stream:
        skip(stream, offset)
        for content in stream:
            if offset == 0 and (content.startswith(_WIDE_BOMS) or b"\0" in content[:2]):
                raise EncoderError(
                    f"{path}, line 1: the file is in UTF-16 or UTF-32, not UTF-8; convert it "
                    "(iconv -f UTF-16 -t UTF-8)."
                )
            shown = content.removeprefix(_BOM) if offset == 0 else content
            if shown and not shown.isspace():
                yield line, offset, shown
            line, offset = line + 1, offset + len(content)


@contextmanager
def reading(path: Path) -> Iterator[BinaryIO]:
    """A file's bytes, uncompressed.

    Raises:
        EncoderError: an archive; or broken compression, while the block reads.
    """
    if plain_suffix(path) in _ARCHIVES:
        raise EncoderError(f"{path} is an archive; unpack it, and name the file in it.")
    try:
        with _open(path) as stream:
            yield stream
    except _BROKEN as error:
        kind = COMPRESSED.get(compression(path), "gzip")
        raise EncoderError(f"{path}: broken {kind} file ({error}).") from None


def _open(path: Path) -> Any:
    if compression(path) == ".gz":
        return gzip.open(path, "rb")
    if compression(path) == ".zst":
        return zstd.open(path, "rb")
    if compression(path) == ".xz":
        return lzma.open(path, "rb")
    return path.open("rb")


def skip(stream: BinaryIO, count: int) -> None:
    """Pass so many bytes of a stream of :func:`reading`, from its beginning or where it stands."""
    if isinstance(stream, io.BufferedReader):
        stream.seek(count, io.SEEK_CUR)
        return
    while count > 0:
        count -= len(stream.read(min(count, _SKIP_BYTES))) or count
