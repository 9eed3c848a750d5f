"""The record of an output folder: what it is made from, and which parts are done.

The file is replaced atomically, so a killed run leaves the last good one. It lists a file before
the file is put in place, so whatever it does not list is not of the run.
"""

import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from llm_encoders.errors import EncoderError
from llm_encoders.jobs import fingerprint as fingerprints
from llm_encoders.jobs.atomic import write_atomically
from llm_encoders.jobs.removal import is_plain_name
from llm_encoders.reading import read_object, read_record
from pyserini_ext.folders.state import (
    SCAN_NAME,
    has_unfinished_work,
    manifest_path,
    state_folder,
)

SHOWN_IDS = 5
_SHOWN_FAULTS = 5


@dataclass
class PartRecord:
    """One finished part."""

    number: int
    file: str
    documents: int
    sha256: str
    empty: int = 0
    """Documents with an all-zero vector."""
    empty_ids: list[str] = field(default_factory=list)
    """The first few of them."""
    not_finite: list[str] = field(default_factory=list)
    """Documents left out for NaN or infinite activations, with their place."""

    def add_empty(self, docid: str) -> None:
        """Count a document whose vector is all zero."""
        self.empty += 1
        if len(self.empty_ids) < SHOWN_IDS:
            self.empty_ids.append(docid)


@dataclass
class Manifest:
    """What an output folder is made from and which of its parts are done."""

    folder: Path
    fingerprint: dict[str, Any]
    """Everything the bytes of the output depend on."""
    encoder: dict[str, Any] = field(default_factory=dict)
    """Name and contract of the encoder, and the files that the contract was derived from."""
    scan: dict[str, Any] = field(default_factory=dict)
    """The reading of the corpus; empty where it is to be read again."""
    parts: dict[int, PartRecord] = field(default_factory=dict)
    finished: dict[str, str] = field(default_factory=dict)
    """SHA-256 of the files that were assembled out of all parts, once they are in place."""
    replaced: list[str] = field(default_factory=list)
    """Files in the folder that are of no use any more: damaged parts, an overwritten index."""
    complete: bool = False
    """Whether the whole output is in place."""

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """The manifest of a folder; ``None`` where there is none, or nothing that it lists exists.

        Raises:
            EncoderError: it is broken, or lists what is no file of the folder.
        """
        path = manifest_path(folder)
        if not path.exists() or not folder.is_dir():
            return None
        if not any(folder.iterdir()) and not has_unfinished_work(folder):
            return None
        try:
            values = read_object(path)
            parts = {int(key): PartRecord(**value) for key, value in values["parts"].items()}
            manifest = cls(
                folder,
                values["fingerprint"],
                values.get("encoder", {}),
                read_record(path.with_name(SCAN_NAME)),
                parts,
                values["finished"],
                values.get("replaced", []),
                values.get("complete", False),
            )
            _check(manifest)
            return manifest
        except (EncoderError, KeyError, TypeError, ValueError, AttributeError) as error:
            reason = error if isinstance(error, EncoderError) else f"{path}: {_reason(error)}."
            raise EncoderError(
                f"{reason} So it is not known which files of {folder} are good. Give another "
                f"folder, or remove {folder} and {path.parent}."
            ) from None

    def save(self) -> None:
        """Replace the file."""
        values = {
            "fingerprint": self.fingerprint,
            "encoder": self.encoder,
            "finished": self.finished,
            "replaced": self.replaced,
            "complete": self.complete,
            "parts": {number: asdict(part) for number, part in sorted(self.parts.items())},
        }
        write_atomically(manifest_path(self.folder), json.dumps(values))

    def save_scan(self) -> None:
        """Write the reading of the corpus, once, since it may be large."""
        write_atomically(state_folder(self.folder) / SCAN_NAME, json.dumps(self.scan))

    def record_part(self, part: PartRecord) -> None:
        """Note a part whose file is about to be put in place."""
        self.parts[part.number] = part
        self.replaced = [name for name in self.replaced if name != part.file]
        self.save()

    def names(self) -> set[str]:
        """The files that may be in the folder: all that the run has put there or is about to."""
        parts = self.parts.values() if self._has_parts_in_place() else ()
        return {part.file for part in parts} | set(self.finished) | set(self.replaced)

    def _has_parts_in_place(self) -> bool:
        """Whether parts stay parts; those of an index never lie in the folder."""
        return self.fingerprint.get("output") in ("jsonl", "npz")

    def require_same(self, fingerprint: dict[str, Any], encoder: str = "") -> None:
        """Refuse to resume what another job has started.

        Args:
            fingerprint: of the job that is asked for.
            encoder: the name of its encoder, if it has one.

        Raises:
            UsageError: names the differences.
        """
        problem = f"{self.folder} holds the output of another run"
        earlier = self.encoder.get("name")
        if encoder and earlier and earlier != encoder:
            problem = f"{self.folder} holds the output of {earlier}, and this run is of {encoder}"
        fingerprints.require_same(
            self.fingerprint,
            fingerprint,
            problem,
            "Give another folder, or --overwrite to start again.",
        )

    def forget_finished(self) -> None:
        """Remove assembled files that turned out faulty, so that they do not mix with new ones."""
        for name in self.finished:
            (self.folder / name).unlink(missing_ok=True)
        self.finished = {}

    def keep_valid_parts(self, folder: Path, start: int = 0) -> dict[int, PartRecord]:
        """Forget the recorded parts from number ``start`` on whose files are not good.

        They are named to the user, and their files stay listed until they are replaced.

        Returns:
            The others from ``start`` on.
        """
        valid, faults = {}, []
        for number, part in sorted(self.parts.items()):
            if number < start:
                continue
            fault = fault_of(folder / part.file, part.sha256)
            if fault is None:
                valid[number] = part
            else:
                faults.append(f"{fault} Its documents are encoded again.")
                del self.parts[number]
                if self._has_parts_in_place():
                    self.replaced = sorted({*self.replaced, part.file})
        tell(faults)
        return valid


def _check(manifest: Manifest) -> None:
    """Refuse a record that was edited into something that no run writes."""
    if not isinstance(manifest.fingerprint, dict) or not isinstance(manifest.finished, dict):
        raise ValueError("'fingerprint' and 'finished' must be JSON objects")
    if not isinstance(manifest.encoder, dict):
        raise ValueError("'encoder' must be a JSON object")
    if not isinstance(manifest.replaced, list):
        raise ValueError("'replaced' must be a list")
    parts = manifest.parts.values()
    for name in [*(part.file for part in parts), *manifest.finished, *manifest.replaced]:
        if not is_plain_name(name):
            raise ValueError(f"{name!r} is no name of a file in the folder")
    for part in parts:
        if not isinstance(part.documents, int) or not isinstance(part.empty, int):
            raise ValueError(f"the counts of part {part.number} are no integers")
        if not isinstance(part.empty_ids, list) or not isinstance(part.not_finite, list):
            raise ValueError(f"the lists of part {part.number} are no lists")


def _reason(error: Exception) -> str:
    return f"the key {error} is missing" if isinstance(error, KeyError) else str(error)


def fault_of(path: Path, expected: str) -> str | None:
    """A sentence about a file that is not there with its checksum."""
    if not path.is_file():
        return f"{path} is gone."
    return (
        None
        if fingerprints.checksum(path) == expected
        else f"{path} was changed after it was written."
    )


def tell(faults: list[str]) -> None:
    """Name damaged files to the user, the first few of many."""
    for fault in faults[:_SHOWN_FAULTS]:
        print(fault, file=sys.stderr)
    if len(faults) > _SHOWN_FAULTS:
        print(f"… and {len(faults) - _SHOWN_FAULTS} more files.", file=sys.stderr)
