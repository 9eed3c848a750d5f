"""The folder of an export: there whole, or not at all."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.jobs.atomic import SUFFIX, write_atomically
from llm_encoders.jobs.lock import locked
from llm_encoders.reading import read_record

RECORD = "export.json"
"""Marks a folder as an export, and lists what it consists of."""


def require_free(output: Path, overwrite: bool) -> None:
    """Refuse an output that holds anything but an export that may be replaced.

    Raises:
        UsageError: it is a file, holds something else, or an export without ``overwrite``.
    """
    if output.exists() and not output.is_dir():
        raise UsageError(f"The output {output} is a file; name a folder.")
    present = {path.name for path in output.iterdir()} if output.exists() else set()
    if not present:
        return
    if RECORD not in present:
        raise UsageError(
            f"{output} holds other files, '{min(present)}' among them; name an empty folder."
        )
    if not overwrite:
        raise UsageError(
            f"{output} holds an earlier export; add --overwrite to replace it, or name another "
            "output."
        )
    if others := present - _recorded(output):
        raise UsageError(
            f"{output} holds '{min(others)}', which is no part of the export in it; move it away."
        )


def _recorded(folder: Path) -> set[Any]:
    files = read_record(folder / RECORD).get("files")
    return {RECORD, *(files if isinstance(files, list) else [])}


@contextmanager
def whole_folder(output: Path, overwrite: bool, record: dict[str, Any]) -> Iterator[Path]:
    """A hidden folder to fill, which takes the name ``output`` when the block ends without an
    error; after an error, or a kill, ``output`` is what it was before.

    Args:
        output: absent, empty, or with ``overwrite`` an earlier export.
        overwrite: replace that.
        record: written into the folder as :data:`RECORD`, with its files.

    Raises:
        UsageError: as :func:`require_free`.
        EncoderError: another process writes the same output.
    """
    output = Path(os.path.realpath(output))  # a link stays, and what it points to is replaced
    building, old = (output.with_name(f".{output.name}{end}") for end in (SUFFIX, ".replaced"))
    lock = output.with_name(f".{output.name}.lock")
    with locked(lock, f"Another process is writing {output}; wait for it, or end it."):
        if (old / RECORD).is_file() and not output.exists():  # killed between two renamings
            os.rename(old, output)
        require_free(output, overwrite)
        for left in (building, old):
            _remove_own(left)
        building.mkdir()
        try:
            write_atomically(building / RECORD, _text(record))
            yield building
            names = sorted(path.name for path in building.iterdir())
            write_atomically(building / RECORD, _text({**record, "files": names}))
            _to_disk(building)
            require_free(output, overwrite)  # it may have been filled meanwhile
            if (output / RECORD).is_file():
                os.rename(output, old)
            os.rename(building, output)
        finally:
            shutil.rmtree(building, ignore_errors=True)
            if old.exists() and not output.exists():
                os.rename(old, output)
        shutil.rmtree(old, ignore_errors=True)


def _text(record: dict[str, Any]) -> str:
    return json.dumps(record, indent=2, ensure_ascii=False) + "\n"


def _remove_own(folder: Path) -> None:
    """Remove what an export that was killed has left, and nothing else."""
    if not folder.exists():
        return
    if not (folder / RECORD).is_file() and any(folder.iterdir()):
        raise EncoderError(f"{folder} is in the way, and no export left it; move it away.")
    shutil.rmtree(folder)


def _to_disk(folder: Path) -> None:
    """Have the content on the disk before the name is."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
