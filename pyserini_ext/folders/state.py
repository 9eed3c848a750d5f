"""The files that record a run. They lie next to the output folder, in ``.FOLDER.state``, because
Anserini and Pyserini take every file inside it for documents or vectors. The name is hidden and the
files have no suffix, so that neither a pattern such as ``vectors*`` nor the folder above includes
them.

What is unfinished lies there, too: the output folder holds whole files and nothing else, and an
index is in it completely or not at all.
"""

import shutil
from pathlib import Path

MANIFEST_NAME = "manifest"
SCAN_NAME = "corpus-scan"
BATCH_TOKENS_NAME = "batch-tokens"
"""The largest number of tokens of a batch, where free memory decided it."""
SKIPPED_LINES_NAME = "skipped-lines.txt"
"""Faulty lines of the corpus that were left out."""
SKIPPED_DOCUMENTS_NAME = "skipped-documents.txt"
"""Documents left out for NaN or infinite activations."""
_NAMES = (
    SKIPPED_LINES_NAME,
    SKIPPED_DOCUMENTS_NAME,
    SCAN_NAME,
    BATCH_TOKENS_NAME,
    MANIFEST_NAME,  # last, so that what is left stays known
)
_PARTS, _BUILDING, _JOURNAL = _FOLDERS = ("parts", "building", "journal")


def state_folder(folder: Path) -> Path:
    """Where the record of an output folder is kept."""
    folder = folder.resolve()  # one folder has one record, whatever it is called
    return folder.with_name(f".{folder.name}.state")


def manifest_path(folder: Path) -> Path:
    """The manifest of an output folder."""
    return state_folder(folder) / MANIFEST_NAME


def parts_folder(folder: Path) -> Path:
    """Where parts are written before they are recorded, and wait for the index they go into."""
    return state_folder(folder) / _PARTS


def building_folder(folder: Path) -> Path:
    """Where an index is built before it is moved to its folder."""
    return state_folder(folder) / _BUILDING


def journal_folder(folder: Path) -> Path:
    """Where the vectors of unfinished parts are kept."""
    return state_folder(folder) / _JOURNAL


def has_unfinished_work(folder: Path) -> bool:
    """Whether a run of this output folder is at work, or was stopped before its end."""
    state = state_folder(folder)
    places = [state / name for name in _FOLDERS]
    return any(place.is_dir() and any(place.iterdir()) for place in places)


def forget(folder: Path) -> None:
    """Remove the record of an output folder, and all unfinished work."""
    state = state_folder(folder)
    for name in _FOLDERS:
        remove_folder(state / name)
    for name in _NAMES:
        (state / name).unlink(missing_ok=True)


def remove_folder(path: Path) -> None:
    """Remove a folder, or a link to one but not what it leads to."""
    if path.is_symlink():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)
