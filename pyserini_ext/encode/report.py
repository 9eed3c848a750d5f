"""What the user is told at the end: documents without a vector, and those left out."""

import sys

from llm_encoders.jobs.atomic import write_atomically
from pyserini_ext.encode.parts import Part
from pyserini_ext.folders.manifest import SHOWN_IDS, Manifest, PartRecord
from pyserini_ext.folders.state import SKIPPED_DOCUMENTS_NAME, SKIPPED_LINES_NAME, state_folder


def report(manifest: Manifest, parts: list[Part]) -> None:
    """Print the counts that a user must know of."""
    records = [manifest.parts[part.number] for part in parts]
    state = state_folder(manifest.folder)
    if skipped := manifest.scan.get("faults"):
        lines = "1 faulty line was" if skipped == 1 else f"{skipped} faulty lines were"
        print(
            f"warning: {lines} left out, as listed in {state / SKIPPED_LINES_NAME}.",
            file=sys.stderr,
        )
    empty = sum(record.empty for record in records)
    if empty:
        ids = [docid for record in records for docid in record.empty_ids][:SHOWN_IDS]
        shown = ", ".join(ids) + (", …" if empty > len(ids) else "")
        print(
            f"warning: {empty} documents have an all-zero vector ({shown}); a Lucene index has no "
            "such documents.",
            file=sys.stderr,
        )
    left_out = _left_out(records)
    if left_out:
        print(
            f"warning: {len(left_out)} documents were left out for NaN or infinite activations, "
            f"as listed in {state / SKIPPED_DOCUMENTS_NAME}.",
            file=sys.stderr,
        )


def write_report(manifest: Manifest, parts: list[Part]) -> None:
    """Write the list of documents that were left out, where there are any."""
    left_out = _left_out([manifest.parts[part.number] for part in parts])
    path = state_folder(manifest.folder) / SKIPPED_DOCUMENTS_NAME
    if left_out:
        write_atomically(path, "".join(f"{line}\n" for line in left_out).encode())
    else:
        path.unlink(missing_ok=True)


def _left_out(records: list[PartRecord]) -> list[str]:
    return [fault for record in records for fault in record.not_finite]
