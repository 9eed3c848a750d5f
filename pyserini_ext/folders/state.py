"""The files that record a run. They lie beside the output folder, in ``.FOLDER.state``, because
Anserini and Pyserini take every file inside it for documents or vectors; hidden and without
suffix, lest a pattern such as ``vectors*`` or the folder above be taken for vectors with them."""

from pathlib import Path

MANIFEST_NAME = "manifest"
SCAN_NAME = "corpus-scan"
SKIPPED_LINES_NAME = "skipped-lines.txt"
"""Faulty lines of the corpus that were left out."""
SKIPPED_DOCUMENTS_NAME = "skipped-documents.txt"
"""Documents left out for NaN or infinite activations."""
STATE_NAMES = (SKIPPED_LINES_NAME, SKIPPED_DOCUMENTS_NAME, SCAN_NAME, MANIFEST_NAME)


def state_folder(folder: Path) -> Path:
    """Where the record of an output folder is kept."""
    folder = folder.resolve()  # one folder has one record, whatever it is called
    return folder.with_name(f".{folder.name}.state")


def manifest_path(folder: Path) -> Path:
    """The manifest of an output folder."""
    return state_folder(folder) / MANIFEST_NAME
