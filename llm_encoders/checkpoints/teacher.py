"""The encoder of the passages of a query tower: ``teacher.json`` in the tower's folder.

A query tower was distilled from the query side of another encoder and searches that one's index
(ScalingNote, arXiv 2411.15766), so what is compared with an index is the teacher, not the tower.
"""

import dataclasses
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm_encoders.checkpoints.comparison import differences
from llm_encoders.checkpoints.fingerprint import weights_digest
from llm_encoders.config import CONFIG_NAME, TEACHER, EncoderConfig
from llm_encoders.errors import EncoderError, UsageError, nearest
from llm_encoders.reading import read_object

if TYPE_CHECKING:
    from llm_encoders.checkpoints.resolve import Checkpoint

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
        """Write ``teacher.json`` into a query tower's folder."""
        text = json.dumps(dataclasses.asdict(self), indent=2) + "\n"
        (Path(folder) / TEACHER_NAME).write_text(text, encoding="utf-8")

    def require_contract(self, contract: EncoderConfig, name: str) -> None:
        """Refuse a query tower whose contract cannot be that of a student of this teacher.

        Raises:
            EncoderError: paradigm or dimension differ; names both.
        """
        if contract.paradigm != self.contract.paradigm:
            raise EncoderError(
                f"{name} is a {contract.paradigm} encoder, but its teacher {self.name} is a "
                f"{self.contract.paradigm} one. {_APART}"
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
                f"{self.name} have {self.dimension:,}. {_APART}"
            )

    def require_vocabulary(self, terms: Sequence[str], name: str) -> None:
        """Refuse a query tower whose columns stand for other index terms than the teacher's.

        Raises:
            EncoderError: names both.
        """
        if self.vocabulary is not None and vocabulary_digest(terms) != self.vocabulary:
            raise EncoderError(
                f"{name}: its {len(terms):,} index terms are not the {self.vocabulary_size or 0:,} "
                f"of its teacher {self.name}. {_APART}"
            )


_APART = "The files belong to different encoders; distil the query encoder again."


def vocabulary_digest(terms: Sequence[str]) -> str:
    """SHA-256 of the index terms, in order, as a JSON list."""
    return hashlib.sha256(json.dumps(list(terms)).encode()).hexdigest()


def passage_identity(
    files: "Checkpoint", contract: EncoderConfig | None = None
) -> tuple[EncoderConfig, str]:
    """What makes the vectors of an index: contract and weights of the side of the passages.

    Of a query tower they are its teacher's; of two towers, the passage tower's.

    Args:
        files: of an encoder.
        contract: with which the encoder is used, where that is not the one of its files.

    Returns:
        The contract, and the digest of the weights.
    """
    if files.teacher is not None:
        return files.teacher.contract, files.teacher.weights
    return contract or files.contract, weights_digest(files)


def query_identity(files: "Checkpoint") -> dict[str, Any] | None:
    """Contract and weights of the side of the queries; ``None`` where the same model does both."""
    side = files.query or (files if files.teacher is not None else None)
    if side is None:
        return None
    return {"contract": dataclasses.asdict(side.contract), "weights": weights_digest(side)}


def require_passages(files: "Checkpoint | None") -> None:
    """Refuse to encode passages with a query tower.

    Raises:
        UsageError: names the teacher, which encodes them.
    """
    if files is not None and files.teacher is not None:
        raise UsageError(
            f"{files.name} encodes queries only; encode passages with {files.teacher.name}."
        )


def require_one_model(files: "Checkpoint", work: str) -> None:
    """Refuse an encoder that is not one model for queries and passages.

    Args:
        files: of the encoder.
        work: what cannot be done, e.g. ``"exported"``.

    Raises:
        UsageError: it has two towers, or encodes queries only.
    """
    require_passages(files)
    if files.query is not None:
        raise UsageError(
            f"{files.name} has two towers, so it cannot be {work} as one model; "
            f"{files.query.name} is its query tower."
        )


def require_towers(top: "Checkpoint", query: "Checkpoint") -> None:
    """Refuse two towers that do not belong together, as far as their files tell.

    Args:
        top: files of the passage tower.
        query: files of the query tower.

    Raises:
        EncoderError: another paradigm, or a query tower that was distilled from another encoder
            than the passage tower.
    """
    if top.teacher is not None:
        raise EncoderError(
            f"{top.folder / CONFIG_NAME}: query_encoder is '{top.contract.query_encoder}', the "
            f"query tower beside a passage tower, but passage_encoder is '{TEACHER}'. Name the "
            f"folder of the query tower, {query.name}."
        )
    if query.contract.paradigm != top.contract.paradigm:
        raise EncoderError(
            f"{top.name} is a {top.contract.paradigm} encoder, but its query tower {query.name} is "
            f"a {query.contract.paradigm} one. {_APART}"
        )
    if query.teacher is None:
        return
    pair = (f"the teacher of {query.name}", f"the passage tower {top.name}")
    if listed := differences(query.teacher.contract, top.contract, pair):
        raise EncoderError(
            f"{query.name} was distilled from {query.teacher.name}, whose contract is another than "
            f"that of the passage tower {top.name}: {listed}. {_APART}"
        )
    if query.teacher.weights != weights_digest(top):
        raise EncoderError(
            f"{query.name} was distilled from {query.teacher.name}, which has other weights than "
            f"the passage tower {top.name}. {_APART}"
        )


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
}
_EXPECTED = {
    "name": "the name of an encoder",
    "contract": "an encode contract",
    "weights": "a SHA-256 digest",
    "dimension": "a number of components",
    "vocabulary": "a SHA-256 digest",
    "vocabulary_size": "a number of terms",
}


def _damaged(problem: str) -> EncoderError:
    return EncoderError(f"{problem}. Copy the file again, or distil the query encoder again.")
