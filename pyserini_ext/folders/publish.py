"""Putting finished files in place so that a kill at any moment can be repaired."""

import os
from pathlib import Path

from llm_encoders.jobs.fingerprint import checksum
from pyserini_ext.folders.manifest import Manifest
from pyserini_ext.folders.state import remove_folder


def publish(building: Path, folder: Path, names: list[str], manifest: Manifest) -> None:
    """Move files of ``building`` to ``folder``, in this order.

    The manifest gets their checksums first. From then on :func:`complete` can finish the move.
    """
    for name in names:
        with (building / name).open("rb") as stream:
            os.fsync(stream.fileno())
    manifest.finished = {name: checksum(building / name) for name in names}
    manifest.save()
    complete(building, folder, manifest)


def complete(building: Path, folder: Path, manifest: Manifest) -> None:
    """Move what :func:`publish` had not moved when it was killed; what it replaces goes first."""
    for name in manifest.replaced:
        if name not in manifest.finished or (building / name).exists():
            (folder / name).unlink(missing_ok=True)
    for name in manifest.finished:
        if (building / name).exists():
            os.replace(building / name, folder / name)
    remove_folder(building)
