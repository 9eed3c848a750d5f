"""The record of an output folder: what it is made from, and which parts are done.

The file is replaced atomically, so a killed run leaves the last good one.
"""

import hashlib
import json
import os
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.reading import read_object
from pyserini_ext.folders.state import SCAN_NAME, manifest_path, state_folder

_BLOCK = 2**20
_SHOWN_IDS = 5
_SHOWN_DIFFERENCES = 4


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
        if len(self.empty_ids) < _SHOWN_IDS:
            self.empty_ids.append(docid)


@dataclass
class Manifest:
    """What an output folder is made from and which of its parts are done."""

    folder: Path
    fingerprint: dict[str, Any]
    """Everything the bytes of the output depend on."""
    scan: dict[str, Any] = field(default_factory=dict)
    parts: dict[int, PartRecord] = field(default_factory=dict)
    finished: dict[str, str] = field(default_factory=dict)
    """SHA-256 of the files that were assembled out of all parts, once they are in place."""

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """The manifest of a folder; ``None`` where there is none, or nothing that it speaks of.

        Raises:
            EncoderError: it is broken.
        """
        path = manifest_path(folder)
        if not path.exists() or not folder.is_dir() or not any(folder.iterdir()):
            return None
        try:
            values = read_object(path)
            parts = {int(key): PartRecord(**value) for key, value in values["parts"].items()}
            fingerprint, finished = values["fingerprint"], values["finished"]
            return cls(folder, fingerprint, _read_scan(path.with_name(SCAN_NAME)), parts, finished)
        except (EncoderError, KeyError, TypeError, ValueError) as error:
            reason = error if isinstance(error, EncoderError) else f"{path}: {error!r}."
            raise EncoderError(
                f"{reason} So it is not known which parts of {folder} are good; give --overwrite "
                "to start again."
            ) from None

    def save(self) -> None:
        """Replace the file."""
        values = {
            "fingerprint": self.fingerprint,
            "finished": self.finished,
            "parts": {number: asdict(part) for number, part in sorted(self.parts.items())},
        }
        write_atomically(manifest_path(self.folder), json.dumps(values).encode())

    def save_scan(self) -> None:
        """Write the reading of the corpus, once, since it may be large."""
        path = state_folder(self.folder) / SCAN_NAME
        write_atomically(path, json.dumps(self.scan).encode())

    def require_same(self, fingerprint: dict[str, Any]) -> None:
        """Refuse to continue what something else has begun.

        Raises:
            UsageError: names the differences.
        """
        old, new = _flat(self.fingerprint), _flat(json.loads(json.dumps(fingerprint)))
        differences = [
            f"{key} was {_shown(old.get(key))}, now {_shown(new.get(key))}"
            for key in sorted(old.keys() | new.keys())
            if old.get(key) != new.get(key)
        ]
        if (more := len(differences) - _SHOWN_DIFFERENCES) > 0:
            differences[_SHOWN_DIFFERENCES:] = [f"and {more} more"]
        if differences:
            raise UsageError(
                f"{self.folder} holds the output of another run: {'; '.join(differences)}. Give "
                "another folder, or --overwrite to start again."
            )

    def forget_finished(self) -> None:
        """Remove assembled files that turned out faulty, lest they mix with new ones."""
        for name in self.finished:
            (self.folder / name).unlink(missing_ok=True)
        self.finished = {}

    def valid_parts(self, folder: Path, start: int = 0) -> dict[int, PartRecord]:
        """The recorded parts from number ``start`` on whose files in ``folder`` are good.

        The others are named to the user.
        """
        recorded = {number: part for number, part in self.parts.items() if number >= start}
        valid, faults = {}, []
        for number, part in sorted(recorded.items()):
            fault = fault_of(folder / part.file, part.sha256)
            if fault is None:
                valid[number] = part
            else:
                faults.append(f"{fault} Its documents are encoded again.")
        tell(faults)
        return valid


def _read_scan(path: Path) -> dict[str, Any]:
    """Empty where there is none or it is broken: then the corpus is read again."""
    try:
        return read_object(path)
    except (OSError, EncoderError, ValueError):
        return {}


def fault_of(path: Path, expected: str) -> str | None:
    """A sentence about a file that is not there with its checksum."""
    if not path.is_file():
        return f"{path} is gone."
    return None if checksum(path) == expected else f"{path} was changed after it was written."


def tell(faults: list[str]) -> None:
    """Name damaged files to the user, the first few of many."""
    for fault in faults[:_SHOWN_IDS]:
        print(fault, file=sys.stderr)
    if len(faults) > _SHOWN_IDS:
        print(f"… and {len(faults) - _SHOWN_IDS} more files.", file=sys.stderr)


def checksum(path: Path) -> str:
    """SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all, whatever happens."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key} ")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _shown(value: Any) -> str:
    text = "absent" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:12]}…"
