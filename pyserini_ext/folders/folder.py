"""An output folder: one run at a time, nothing foreign in it, cleared on demand."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from llm_encoders.corpora.files import compression, plain_suffix
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.jobs.lock import LOCK_NAME, locked
from llm_encoders.jobs.removal import remove_recorded
from pyserini_ext.folders.manifest import Manifest, fault_of, tell
from pyserini_ext.folders.state import (
    building_folder,
    forget,
    journal_folder,
    manifest_path,
    state_folder,
)

VOCABULARY_NAME = "vocabulary.txt"
_VECTOR_SUFFIXES = (".json", ".jsonl", ".npz")
_INDEX_NAMES = ("docid", "index", VOCABULARY_NAME)


@contextmanager
def only_run(folder: Path) -> Iterator[None]:
    """Make the folder and refuse a second run in it while this one works.

    A folder in which a run failed before anything was worth keeping is left as it was found.

    Raises:
        EncoderError: another run is writing to it.
        UsageError: it is no folder, or nothing can be kept beside it.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"The output {folder} is a file; name a folder.")
    found = folder.is_dir()
    folder.mkdir(parents=True, exist_ok=True)
    busy = (
        f"Another run is writing to {folder}; give every run, and every shard, a folder of its own."
    )
    keep = found
    try:
        state = _make_state_folder(folder)
        try:
            with locked(state / LOCK_NAME, busy):
                if not found:  # what is left of a folder that was removed binds nobody
                    forget(folder)
                _remove_temporary_records(state)
                had_manifest = manifest_path(folder).exists()
                try:
                    yield
                    keep = True
                except BaseException:
                    keep = found or _worth_keeping(folder)
                    if not had_manifest and not _worth_keeping(folder):
                        forget(folder)
                    raise
                finally:
                    _remove_temporary_records(state)
        finally:
            with suppress(OSError):  # it is not empty, or in use
                state.rmdir()
    finally:
        if not keep:
            with suppress(OSError):
                folder.rmdir()


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
            f"The record of a run is kept next to its folder, which is not possible for {folder}: "
            f"{reason}. Give a folder inside it, for instance {folder / 'output'}."
        )
    return state


def _remove_temporary_records(state: Path) -> None:
    for path in state.glob(".*"):
        if path.name != LOCK_NAME:
            path.unlink()


def _worth_keeping(folder: Path) -> bool:
    with suppress(EncoderError):
        manifest = Manifest.load(folder)
        if manifest is not None and manifest.parts:
            return True
    committed = any(building_folder(folder).glob("segments_*"))
    return committed or any(journal_folder(folder).glob("*.npz"))


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
    """Refuse a folder that holds what would mix with the output, also where it is overwritten.

    Args:
        folder: of the output.
        manifest: of the run that filled it, if there is one.

    Raises:
        UsageError: names a file that the manifest does not list.
    """
    own = manifest.names() if manifest is not None else set()
    if mixing := foreign_files(folder, own):
        raise UsageError(
            f"{folder} holds {mixing[0]}, which no recorded run has written there. Move it away, "
            "or give another folder."
        )


def foreign_files(folder: Path, own: set[str]) -> list[str]:
    """The names in a folder that are taken for vectors or an index, without those of ``own``."""
    return sorted(
        path.name for path in folder.iterdir() if path.name not in own and _may_mix(path.name)
    )


def clear_for_overwriting(folder: Path, manifest: Manifest | None) -> None:
    """Remove the output of an earlier run, and nothing else: what its manifest lists."""
    if manifest is not None:
        remove_recorded(folder, sorted(manifest.names()), manifest_path(folder))
    forget(folder)


def _may_mix(name: str) -> bool:
    path = Path(name)
    plain = path.stem if compression(path) else name
    index = plain in _INDEX_NAMES or plain.startswith("segments_")
    return not name.startswith(".") and (index or plain_suffix(path) in _VECTOR_SUFFIXES)
