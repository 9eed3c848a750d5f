"""Whether texts end with EOS where they should, once, and also where they are cut."""

from llm_encoders.checkpoints.tokenizer import tokenizer_folder
from llm_encoders.checks.finding import Finding, not_checked
from llm_encoders.checks.probes import DOCUMENTS, LONG, QUERIES
from llm_encoders.checks.special_tokens import SETTINGS, ending, setting, shown
from llm_encoders.checks.subject import Subject
from llm_encoders.sides import SIDES

CHECK = "end of text"
_MOST_LONG = 4096  # tokens; a longer text is not tokenised for a check


def check_end(subject: Subject) -> Finding:
    """Queries, passages and cut passages must end alike, with EOS where the publisher has it."""
    tokenizer, contract, known = subject.tokenizer, subject.contract, subject.published
    ends = {
        "query": ending(tokenizer, subject.query_ids[0]),
        "passage": ending(tokenizer, subject.document_ids[0]),
    }
    figure = f"queries end with {shown(tokenizer, ends['query'])}, passages with "
    figure += shown(tokenizer, ends["passage"])
    fault = _by_settings(subject, ends) if known is None else _by_publisher(subject, ends)
    if fault is not None:
        remark, cure = fault
        return Finding(CHECK, figure + remark, cure)
    cut = _ending_when_cut(subject)
    if cut is not None and cut != ends["passage"]:
        return Finding(
            CHECK,
            f"{figure}, those that are cut with {shown(tokenizer, cut)}",
            "Have the end added after cutting: by append_eos or passage_suffix of the contract "
            "instead of the tokenizer.",
        )
    if cut is not None:
        figure += ", cut ones too"
    if not ends["passage"] and known is None and contract.pooling in ("last", "eos"):
        return not_checked(CHECK, f"{figure}, and its last token is pooled; {subject.unpublished}")
    return Finding(CHECK, figure)


Fault = tuple[str, str]
"""What goes behind the figure, and the cure."""


def _by_publisher(subject: Subject, ends: dict[str, list[int]]) -> Fault | None:
    """A side that does not end as under the publisher's contract."""
    tokenizer, known = subject.tokenizer, subject.published
    assert known is not None
    for side in SIDES:
        text = [QUERIES[0] if side == "query" else DOCUMENTS[0]]
        wanted = ending(tokenizer, subject.tokenized(known.contract, side, text)[0])
        if ends[side] != wanted:
            source = known.source("append_eos", "special_tokens", f"{side}_suffix")
            return (
                f"; the publisher's {side} ends with {shown(tokenizer, wanted)}",
                f"Set append_eos, special_tokens and {side}_suffix of the contract as {source} "
                "has them.",
            )
    return None


def _by_settings(subject: Subject, ends: dict[str, list[int]]) -> Fault | None:
    """An end that is doubled, or that the checkpoint's own tokenizer settings ask for."""
    if any(len(end) > 1 for end in ends.values()):
        return "", "The tokenizer or the suffix ends texts already: set append_eos to false."
    tokenizer = subject.tokenizer
    own = tokenizer_folder(subject.files) == subject.files.folder
    asked = own and setting(subject, "add_eos_token")
    if asked and ends["passage"] != [tokenizer.eos_token_id]:
        return (
            f"; {SETTINGS} asks for {tokenizer.eos_token}",
            "Set append_eos of the contract to true.",
        )
    return None


def _ending_when_cut(subject: Subject) -> list[int] | None:
    """The end of a passage that is cut; ``None`` where words are left out instead."""
    side = subject.contract.side("passage")
    if side.text_max_length is not None:
        return None
    length = min(side.max_length, _MOST_LONG)
    long = LONG * (2 * length // 8)
    cut = subject.encoder.document_token_ids([long], max_length=length)[0]
    return ending(subject.tokenizer, cut)
