"""An output folder: one run at a time, nothing foreign in it, cleared on demand."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.jobs.lock import LOCK_NAME, locked
from pyserini_ext.folders.manifest import Manifest, fault_of, tell
from pyserini_ext.folders.state import STATE_NAMES, manifest_path, state_folder

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
    found = folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    state = _make_state_folder(folder)
    busy = (
        f"Another run is writing to {folder}; give every run, and every shard, a folder of its own."
    )
    try:
        with locked(state / LOCK_NAME, busy):
            _remove_temporary_records(state)
            before = {path.name for path in folder.iterdir()}
            had_manifest = manifest_path(folder).exists()
            try:
                yield
            except BaseException:
                if not had_manifest and not _worth_keeping(folder):
                    _undo(folder, before)
                raise
            finally:
                _remove_temporary_records(state)
    finally:
        for empty in (state, *([] if found else [folder])):
            with suppress(OSError):  # it is not empty, or in use
                empty.rmdir()


def _make_state_folder(folder: Path) -> Path:
    state = state_folder(folder)
    reason = "a file system is mounted there" if os.path.ismount(folder.resolve()) else None
    try:
        state.mkdir(exist_ok=True)
    except OSError as error:
        reason = error.strerror
    if reason is not None:
        with suppress(OSError):
            state.rmdir()
        raise UsageError(
            f"The record of a run is kept beside its folder, which cannot be done for {folder}: "
            f"{reason}. Give a folder inside it, for instance {folder / 'output'}."
        )
    return state


def _remove_temporary_records(state: Path) -> None:
    for path in state.glob(".*"):
        if path.name != LOCK_NAME:
            path.unlink()


def _undo(folder: Path, before: set[str]) -> None:
    """Remove what a run has brought into a folder, and its record."""
    for path in folder.iterdir():
        if path.name not in before:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    for name in STATE_NAMES:
        (state_folder(folder) / name).unlink(missing_ok=True)


def _worth_keeping(folder: Path) -> bool:
    manifest = Manifest.load(folder)
    building = folder / BUILDING_FOLDER
    return (manifest is not None and bool(manifest.parts)) or any(building.glob("segments_*"))


def clear(folder: Path, manifest: Manifest | None) -> None:
    """Remove the output that a manifest tells of, and all parts."""
    if manifest is not None:
        for name in [part.file for part in manifest.parts.values()] + list(manifest.finished):
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
    faults = [
        fault
        for name, expected in manifest.finished.items()
        if (fault := fault_of(manifest.folder / name, expected)) is not None
    ]
    tell(faults)
    return bool(manifest.finished) and not faults


def refuse_foreign_files(folder: Path, manifest: Manifest | None) -> None:
    """Refuse a folder that holds what would mix with the output.

    Args:
        folder: of the output.
        manifest: of the run that goes on, if there is one.
    """
    own: set[str] = set()
    if manifest is not None:
        own = {part.file for part in manifest.parts.values()} | set(manifest.finished)
        own |= {path.name for pattern in PART_PATTERNS for path in folder.glob(pattern)}
    mixing = sorted(
        path.name
        for path in folder.iterdir()
        if path.name not in own
        and (_is_of_an_index(path.name) or path.name.endswith((".json", ".jsonl", ".npz")))
        and not path.name.startswith(".")
    )
    if mixing:
        raise UsageError(
            f"{folder} holds {mixing[0]}, which is not of this output. Give another folder, or "
            "--overwrite to have the output of an earlier run replaced."
        )


def clear_for_overwriting(folder: Path) -> None:
    """Remove the output of an earlier run, and nothing else.

    Raises:
        UsageError: there is an index, but no record that would say which files are its own.
    """
    try:
        manifest = Manifest.load(folder)
    except EncoderError:
        print(f"warning: {manifest_path(folder)} cannot be read.", file=sys.stderr)
        manifest = None
    if manifest is None:
        index = sorted(path.name for path in folder.iterdir() if _is_of_an_index(path.name))
        if index:
            raise UsageError(
                f"{folder} holds an index ({index[0]}), but no record of the run that made it, so "
                "--overwrite does not know what to remove. Remove the folder yourself, or give "
                "another."
            )
    clear(folder, manifest)


def _is_of_an_index(name: str) -> bool:
    return name in ("docid", "index", VOCABULARY_NAME) or name.startswith("segments_")
