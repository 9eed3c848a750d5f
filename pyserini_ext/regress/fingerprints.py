"""What the output of a step depends on: is a finished one that of this very step?"""

import dataclasses
import functools
import hashlib
import importlib.metadata
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from llm_encoders.jobs.fingerprint import checksum
from pyserini_ext.conditions import Step

OURS = ("llm_encoders", "pyserini_ext")
PACKAGES = (
    *("pyserini-llm-encoders", "pyserini", "torch", "transformers", "peft", "tokenizers"),
    *("faiss-cpu", "numpy"),
)


@functools.cache
def versions() -> dict[str, str]:
    """Versions of the installed packages that compute anything, and a digest of our own code.

    A version of ours stays the same between two commits, the digest does not.
    """
    found = {"code": _code()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def fingerprint_of(
    step: Step, before: Iterable[dict[str, Any]], folder: Path, made: Iterable[str] = ()
) -> dict[str, Any]:
    """Command, versions, encoder, files that are read, and fingerprints of the steps before.

    Args:
        step: with files at their places.
        before: fingerprints of the steps whose outputs it reads.
        folder: where it runs.
        made: those outputs, and its own; of other files and folders that it names, the content
            counts.

    Raises:
        EncoderError: the encoder cannot be had.
    """
    made = tuple(made)
    others = [word for word in step.words if not any(_within(word, one) for one in made)]
    return {
        "command": step.text,
        "versions": versions(),
        "encoder": _encoder(step.encoder) if step.encoder else None,
        "files": {word: _content(folder / word) for word in others if (folder / word).exists()},
        "before": sorted(digest(one) for one in before),
    }


def _within(word: str, output: str) -> bool:
    return word == output or word.startswith(f"{output}/")


def digest(fingerprint: dict[str, Any]) -> str:
    """A fingerprint in short."""
    return hashlib.sha256(json.dumps(fingerprint, sort_keys=True).encode()).hexdigest()


def _code() -> str:
    root = Path(__file__).parents[2]
    files = [path for package in OURS for path in sorted((root / package).rglob("*.py"))]
    listing = [[str(path.relative_to(root)), checksum(path)] for path in files]
    return hashlib.sha256(json.dumps(listing).encode()).hexdigest()


@functools.cache
def _encoder(spec: str) -> dict[str, Any]:
    from llm_encoders.checkpoints.resolve import resolve_spec
    from pyserini_ext.encode.fingerprint import checkpoint_fingerprint

    files, written = resolve_spec(spec)
    found = checkpoint_fingerprint(files) | {"written": written}
    if files.query is not None:
        found["query tower"] = checkpoint_fingerprint(files.query)
    if files.teacher is not None:
        found["teacher"] = dataclasses.asdict(files.teacher)
    return dict(json.loads(json.dumps(found)))


@functools.cache
def _content(place: Path) -> str:
    """SHA-256 of a file, or of all files of a folder with their names."""
    if place.is_file():
        return checksum(place)
    listing = [[str(path.relative_to(place)), checksum(path)] for path in files_below(place)]
    return hashlib.sha256(json.dumps(listing).encode()).hexdigest()


def files_below(folder: Path) -> list[Path]:
    """All files of a folder, also those behind links to other folders."""
    walked = os.walk(folder, followlinks=True)
    found = (Path(place, name) for place, _, names in walked for name in names)
    return sorted(path for path in found if path.is_file())
