"""Encoders whose queries and passages are not encoded by one model.

Either there are two towers, or queries only are encoded, for the index of a teacher.
"""

import dataclasses
from typing import TYPE_CHECKING, Any

from llm_encoders.checkpoints.comparison import differences
from llm_encoders.checkpoints.fingerprint import weights_digest
from llm_encoders.checkpoints.teacher import APART, TEACHER_NAME
from llm_encoders.config import CONFIG_NAME, TEACHER, EncoderConfig
from llm_encoders.errors import EncoderError, UsageError

if TYPE_CHECKING:
    from llm_encoders.checkpoints.resolve import Checkpoint


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


def require_own_teacher(files: "Checkpoint") -> None:
    """Refuse a query tower with the ``teacher.json`` of another one.

    Raises:
        EncoderError: the file was written beside other weights.
    """
    if files.teacher is None or files.teacher.student in (None, weights_digest(files)):
        return
    raise EncoderError(
        f"{files.folder / TEACHER_NAME} belongs to a query tower of other weights than those in "
        f"{files.folder}, so it is not known whose index these search. Copy the whole folder that "
        "the distillation wrote."
    )


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
            f"a {query.contract.paradigm} one. {APART}"
        )
    if query.teacher is None:
        return
    pair = (f"the teacher of {query.name}", f"the passage tower {top.name}")
    if listed := differences(query.teacher.contract, top.contract, pair):
        raise EncoderError(
            f"{query.name} was distilled from {query.teacher.name}, whose contract is another than "
            f"that of the passage tower {top.name}: {listed}. {APART}"
        )
    if query.teacher.weights != weights_digest(top):
        raise EncoderError(
            f"{query.name} was distilled from {query.teacher.name}, which has other weights than "
            f"the passage tower {top.name}. {APART}"
        )
