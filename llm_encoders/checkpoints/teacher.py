"""The encoder of the passages of a query tower: ``teacher.json`` in the tower's folder.

A query tower was distilled from the query side of another encoder and searches that one's index
(ScalingNote, arXiv 2411.15766), so what is compared with an index is the teacher, not the tower.

The file also has the digest of the tower's weights, by which the ``teacher.json`` of another tower
is noticed and refused. A file without that key, written by hand or before there was such a key, is
read, and loading the encoder says on standard error that this could not be checked.
"""

import dataclasses
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm_encoders.checkpoints.fingerprint import folder_weights_digest, weights_digest
from llm_encoders.config import CONFIG_NAME, TEACHER, EncoderConfig
from llm_encoders.errors import EncoderError, UsageError, nearest
from llm_encoders.reading import read_object

TEACHER_NAME = "teacher.json"
_DIGEST = re.compile("[0-9a-f]{64}")
_OF_PARADIGM = {"dense": ("dimension",), "sparse": ("vocabulary", "vocabulary_size")}


@dataclass(frozen=True)
class Teacher:
    """What encodes the passages of a query tower. Saved as ``teacher.json``."""

    name: str
    """As it was written for distillation: a named encoder, a folder or a Hub id."""
    contract: EncoderConfig
    weights: str
    """:func:`~llm_encoders.checkpoints.fingerprint.weights_digest` of its passage side."""
    dimension: int | None = None
    """Components of its vectors, where they are dense."""
    vocabulary: str | None = None
    """:func:`vocabulary_digest` of its index terms, where its vectors are sparse."""
    vocabulary_size: int | None = None
    student: str | None = dataclasses.field(default=None, compare=False)
    """:func:`~llm_encoders.checkpoints.fingerprint.weights_digest` of the query tower whose
    ``teacher.json`` this is; ``None`` where it was not recorded."""

    @classmethod
    def of(cls, encoder: Any, name: str | None = None) -> "Teacher":
        """Whoever encodes the passages of a loaded encoder: it, or its own teacher.

        Args:
            encoder: from :func:`llm_encoders.load_encoder`.
            name: as the user wrote it, with options; default the name it was loaded by.
        """
        if encoder.files.teacher is not None:
            own: Teacher = encoder.files.teacher
            return own
        sparse = encoder.config.paradigm == "sparse"
        return cls(
            name or encoder.name,
            encoder.config,
            weights_digest(encoder.files),
            None if sparse else encoder.dimension,
            vocabulary_digest(encoder.vocabulary) if sparse else None,
            len(encoder.vocabulary) if sparse else None,
        )

    @classmethod
    def load(cls, folder: str | Path) -> "Teacher":
        """Read ``teacher.json`` of a query tower's folder.

        Raises:
            EncoderError: it is absent or damaged; names the file and the key.
        """
        path = Path(folder) / TEACHER_NAME
        if not path.is_file():
            raise EncoderError(
                f"{Path(folder) / CONFIG_NAME} says that a teacher encodes the passages, but there "
                f"is no {path}. Copy the whole folder that the distillation wrote."
            )
        values = read_object(path)
        _check_keys(values, path)
        try:
            contract = EncoderConfig.from_dict(values["contract"], f"{path}: contract")
        except UsageError as error:  # of a command; here a file is wrong
            raise _damaged(str(error)) from None
        if contract.passage_encoder == TEACHER:
            raise _damaged(
                f"{path}: the contract of {values['name']} says passage_encoder '{TEACHER}', so "
                "it encodes no passages itself"
            )
        for key in _OF_PARADIGM[contract.paradigm]:
            if values.get(key) is None:
                raise _damaged(f"{path}: {key} of {values['name']} is missing")
        return cls(**{**values, "contract": contract})

    def save(self, folder: str | Path) -> None:
        """Write ``teacher.json`` into a query tower's folder as it is."""
        text = json.dumps(dataclasses.asdict(self), indent=2) + "\n"
        (Path(folder) / TEACHER_NAME).write_text(text, encoding="utf-8")

    def save_beside(self, folder: Path, contract: EncoderConfig) -> None:
        """Write ``teacher.json`` beside the weights of the query tower that it then belongs to.

        Args:
            folder: has the weights already.
            contract: of the query tower.
        """
        student = folder_weights_digest(folder, contract)
        dataclasses.replace(self, student=student).save(folder)

    def require_contract(self, contract: EncoderConfig, name: str) -> None:
        """Refuse a query tower whose contract cannot be that of a student of this teacher.

        Raises:
            EncoderError: paradigm or dimension differ; names both.
        """
        if contract.paradigm != self.contract.paradigm:
            raise EncoderError(
                f"{name} is a {contract.paradigm} encoder, but its teacher {self.name} is a "
                f"{self.contract.paradigm} one. {APART}"
            )
        if contract.dimension is not None:
            self.require_dimension(contract.dimension, name)

    def require_dimension(self, dimension: int, name: str) -> None:
        """Refuse a query tower whose vectors have another length than the teacher's.

        Raises:
            EncoderError: names both lengths.
        """
        if self.dimension is not None and dimension != self.dimension:
            raise EncoderError(
                f"{name}: its vectors have {dimension:,} components, but those of its teacher "
                f"{self.name} have {self.dimension:,}. {APART}"
            )

    def require_vocabulary(self, terms: Sequence[str], name: str) -> None:
        """Refuse a query tower whose columns stand for other index terms than the teacher's.

        Raises:
            EncoderError: names both.
        """
        if self.vocabulary is not None and vocabulary_digest(terms) != self.vocabulary:
            raise EncoderError(
                f"{name}: its {len(terms):,} index terms are not the {self.vocabulary_size or 0:,} "
                f"of its teacher {self.name}. {APART}"
            )


APART = "The files belong to different encoders; distil the query encoder again."
"""Ends the refusal of sides that do not belong together."""


def vocabulary_digest(terms: Sequence[str]) -> str:
    """SHA-256 of the index terms, in order, as a JSON list."""
    return hashlib.sha256(json.dumps(list(terms)).encode()).hexdigest()


def _check_keys(values: dict[str, Any], path: Path) -> None:
    known = [field.name for field in dataclasses.fields(Teacher)]
    for key in values:
        if key not in known:
            raise _damaged(f"{path}: unknown key '{key}'.{nearest(key, known)}".rstrip("."))
    for key in ("name", "contract", "weights"):
        if key not in values:
            raise _damaged(f"{path}: the key '{key}' is missing")
    for key, value in values.items():
        if not _CHECKS[key](value):
            raise _damaged(f"{path}: {key} is {str(value)[:60]!r}; expected {_EXPECTED[key]}")


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


_CHECKS: dict[str, Callable[[Any], bool]] = {
    "name": lambda value: isinstance(value, str) and bool(value.strip()),
    "contract": lambda value: isinstance(value, dict),
    "weights": _is_digest,
    "dimension": lambda value: value is None or _is_size(value),
    "vocabulary": lambda value: value is None or _is_digest(value),
    "vocabulary_size": lambda value: value is None or _is_size(value),
    "student": lambda value: value is None or _is_digest(value),
}
_EXPECTED = {
    "name": "the name of an encoder",
    "contract": "an encode contract",
    "weights": "a SHA-256 digest",
    "dimension": "a number of components",
    "vocabulary": "a SHA-256 digest",
    "vocabulary_size": "a number of terms",
    "student": "a SHA-256 digest",
}


def _damaged(problem: str) -> EncoderError:
    return EncoderError(f"{problem}. Copy the file again, or distil the query encoder again.")
