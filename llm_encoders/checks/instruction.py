"""Whether what is put before texts is put before those that the publisher puts it before."""

import dataclasses
import re
from typing import Any

from llm_encoders.checks.finding import Finding, not_checked
from llm_encoders.checks.probes import DOCUMENTS, QUERIES
from llm_encoders.checks.published import Published
from llm_encoders.checks.subject import Subject, cosines, relative_difference, rows
from llm_encoders.config import EncoderConfig
from llm_encoders.sides import INSTRUCTION, SIDES

CHECK = "prefixes and instruction"
_NO_EFFECT = 1e-5  # of a vector's length; measured with real prefixes: from .02


def check_instruction(subject: Subject) -> Finding:
    """Prefixes have effect, and are on the publisher's sides in the publisher's form."""
    contract, known = subject.contract, subject.published
    figure = f"queries begin with {_shown(contract, 'query')}, passages with "
    figure += _shown(contract, "passage")
    for side in SIDES:
        if (idle := _without_effect(subject, side)) is not None:
            return Finding(
                CHECK,
                f"{figure}; that of the {side} changes its vector by {idle:.1g} of its length",
                f"No pooled token attends to the prefix: make {side}_max_length larger, or choose "
                "another pooling.",
            )
    if known is not None and known.has_prompts:
        for side in SIDES:
            if not _fits(contract, known.contract, side):
                return Finding(
                    CHECK,
                    f"{figure}; the publisher's {side} begins with {_shown(known.contract, side)}",
                    _cure(known, side),
                )
    figure += f"; a text as query and as passage: cosine {_cosine_of_sides(subject):.3f}"
    one, other = (contract.side(side).prefix for side in SIDES)
    if one and one == other and (known is None or not known.has_prompts):
        why = subject.unpublished or "the publisher's files name no prompts"
        return not_checked(CHECK, f"{figure}; the same on both sides, and {why}")
    return Finding(CHECK, figure)


def _fits(contract: EncoderConfig, wanted: EncoderConfig, side: str) -> bool:
    """Whether a prefix is the publisher's, whatever the instruction in its place."""
    prefix, form = contract.side(side).prefix, wanted.prefix_as_written(side)
    if INSTRUCTION not in form:
        return prefix == form
    before, _, after = form.partition(INSTRUCTION)
    return (
        re.fullmatch(f"{re.escape(before)}.*\\S{re.escape(after)}", prefix, re.DOTALL) is not None
    )


def _cure(known: Published, side: str) -> str:
    form = known.contract.prefix_as_written(side)
    source = known.source(f"{side}_prefix", "query_prefix")
    if form:
        return f"Set {side}_prefix of the contract to {form!r}, as {source} has it."
    other = next(one for one in SIDES if one != side)
    where = f"for the {other} only" if known.contract.side(other).prefix else "for neither side"
    return f"Set {side}_prefix of the contract to '': {source} has a prefix {where}."


def _without_effect(subject: Subject, side: str) -> float | None:
    """How little the prefix of a side changes a vector, ``None`` if it has none or changes it."""
    if not subject.contract.side(side).prefix:
        return None
    changes: dict[str, Any] = {f"{side}_prefix": "", "instruction": _kept(subject, side)}
    bare = dataclasses.replace(subject.encoder.config, **changes)
    text, vectors = (
        (QUERIES[0], subject.queries) if side == "query" else (DOCUMENTS[0], subject.documents)
    )
    change = relative_difference(vectors[:1], subject.encode(subject.tokenized(bare, side, [text])))
    return change if change < _NO_EFFECT else None


def _kept(subject: Subject, side: str) -> str | None:
    """The instruction, if the other side has a place for it."""
    other = next(one for one in SIDES if one != side)
    placed = INSTRUCTION in subject.contract.prefix_as_written(other)
    return subject.contract.instruction if placed else None


def _cosine_of_sides(subject: Subject) -> float:
    passage = rows(subject.encoder.encode_documents([QUERIES[0]]))
    return float(cosines(subject.queries[0], passage[0]))


def _shown(contract: EncoderConfig, side: str) -> str:
    chosen = contract.side(side)
    written = chosen.prefix or chosen.template
    return repr(written) if written else "nothing"
