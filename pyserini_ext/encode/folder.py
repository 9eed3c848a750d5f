"""An output folder: one run at a time, nothing foreign in it, cleared on demand."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.locking import locked
from pyserini_ext.encode.manifest import Manifest, is_good
from pyserini_ext.encode.state import LOCK_NAME, STATE_NAMES, manifest_path, state_folder

PARTS_FOLDER = ".parts"
BUILDING_FOLDER = ".building"
VOCABULARY_NAME = "vocabulary.txt"
PART_PATTERNS = ("embeddings.[0-9]*.jsonl", "part.[0-9]*.npz")


@contextmanager
def only_run(folder: Path) -> Iterator[None]:
    """Make the folder and refuse a second run in it while this one goes on.

    A folder in which a run failed before anything was worth keeping is left as it was found.

    Raises:
        EncoderError: another run is going on.
        UsageError: nothing can be kept beside the folder.
    """
    if os.path.ismount(folder):
        raise UsageError(
            f"{folder} is where a file system is mounted, but the record of a run is kept beside "
            f"its folder. Give a folder inside it, for instance {folder / 'output'}."
        )
    found = folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    state = state_folder(folder)
    busy = (
        f"Another run is writing to {folder}; give every run, and every shard, a folder of its own."
    )
    try:
        with locked(state / LOCK_NAME, busy):
            had_manifest = manifest_path(folder).exists()
            try:
                yield
            except BaseException:
                if not had_manifest and not _worth_keeping(folder):
                    clear(folder)
                raise
            finally:
                for temporary in state.glob(".*"):
                    if temporary.name != LOCK_NAME:
                        temporary.unlink()
    finally:
        for empty in (state, *([] if found else [folder])):
            with suppress(OSError):  # it is not empty, or in use
                empty.rmdir()


def _worth_keeping(folder: Path) -> bool:
    manifest = Manifest.load(folder)
    building = folder / BUILDING_FOLDER
    return (manifest is not None and bool(manifest.parts)) or any(building.glob("segments_*"))


def clear(folder: Path) -> None:
    """Remove the output of an earlier run, and nothing else."""
    manifest = None
    try:
        manifest = Manifest.load(folder)
    except EncoderError:
        print(f"warning: {manifest_path(folder)} cannot be read.", file=sys.stderr)
    if manifest is not None:
        names = [part.file for part in manifest.parts.values()] + list(manifest.finished)
        for name in names:
            (folder / name).unlink(missing_ok=True)
    for pattern in PART_PATTERNS:  # also of parts that were in place but not yet in the manifest
        for path in folder.glob(pattern):
            path.unlink()
    remove_temporary(folder)
    for name in (PARTS_FOLDER, BUILDING_FOLDER):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in STATE_NAMES:  # last, so that what is left stays known
        (state_folder(folder) / name).unlink(missing_ok=True)


def remove_temporary(folder: Path) -> None:
    """Remove what a killed run had begun to write."""
    for place in (folder, folder / PARTS_FOLDER):
        for path in place.glob(".*.partial"):
            path.unlink(missing_ok=True)


def finished_files_are_good(manifest: Manifest) -> bool:
    """Whether the assembled files of a finished run still have their checksums."""
    return bool(manifest.finished) and all(
        is_good(manifest.folder / name, expected) for name, expected in manifest.finished.items()
    )


def refuse_foreign_files(folder: Path) -> None:
    """Refuse a folder without manifest that holds what would mix with the output."""
    if manifest_path(folder).exists() or not folder.is_dir():
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
