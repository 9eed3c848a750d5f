"""An output folder: one run at a time, nothing foreign in it, cleared on demand."""

import fcntl
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llm_encoders.errors import EncoderError, UsageError
from pyserini_ext.encode.manifest import MANIFEST_NAME, Manifest, checksum

PARTS_FOLDER = ".parts"
BUILDING_FOLDER = ".building"
VOCABULARY_NAME = "vocabulary.txt"


@contextmanager
def only_run(folder: Path) -> Iterator[None]:
    """Refuse a second run in the same folder while this one goes on."""
    path = folder / ".lock"
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EncoderError(
                f"Another run is writing to {folder}; give every run, and every shard, a folder of "
                "its own."
            ) from None
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def clear(folder: Path) -> None:
    """Remove the output of an earlier run, and nothing else."""
    manifest = None
    try:
        manifest = Manifest.load(folder)
    except EncoderError:
        print(f"warning: {folder / MANIFEST_NAME} cannot be read.", file=sys.stderr)
    if manifest is not None:
        names = [part.file for part in manifest.parts.values()] + list(manifest.finished)
        for name in names:
            (folder / name).unlink(missing_ok=True)
    remove_temporary(folder)
    (folder / MANIFEST_NAME).unlink(missing_ok=True)
    for name in (PARTS_FOLDER, BUILDING_FOLDER):
        shutil.rmtree(folder / name, ignore_errors=True)


def remove_temporary(folder: Path) -> None:
    """Remove what a killed run had begun to write."""
    for place in (folder, folder / PARTS_FOLDER):
        for path in place.glob(".*.partial"):
            path.unlink(missing_ok=True)


def remove_if_empty(folder: Path) -> None:
    """Remove the folder of a run that failed before anything was worth keeping."""
    manifest = Manifest.load(folder)
    if manifest is None or not manifest.parts:
        clear(folder)
        if not any(folder.iterdir()):
            folder.rmdir()


def finished_files_are_good(manifest: Manifest) -> bool:
    """Whether the assembled files of a finished run still have their checksums."""
    return bool(manifest.finished) and all(
        (manifest.folder / name).is_file() and checksum(manifest.folder / name) == expected
        for name, expected in manifest.finished.items()
    )


def refuse_foreign_files(folder: Path) -> None:
    """Refuse a folder without manifest that holds what would mix with the output."""
    if (folder / MANIFEST_NAME).exists() or not folder.is_dir():
        return
    names = [path.name for path in folder.iterdir() if path.name[0] != "."]
    own = ("docid", "index", VOCABULARY_NAME)
    mixing = [
        name
        for name in sorted(names)
        if name in own or name.startswith("segments_") or name.endswith((".json", ".jsonl", ".npz"))
    ]
    if mixing:
        raise UsageError(
            f"{folder} holds {mixing[0]}, which is not of this output. Give another folder, or "
            "--overwrite to have the output of an earlier run replaced."
        )
