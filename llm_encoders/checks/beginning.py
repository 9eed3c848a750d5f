"""Whether texts begin with BOS where they should, and once."""

from llm_encoders.checks.finding import Finding
from llm_encoders.checks.probes import DOCUMENTS
from llm_encoders.checks.special_tokens import SETTINGS, beginning, setting, shown
from llm_encoders.checks.subject import Subject

CHECK = "beginning of text"


def check_beginning(subject: Subject) -> Finding:
    """Texts must begin with BOS where the publisher or the tokenizer's settings have it, once."""
    tokenizer, ids = subject.tokenizer, subject.document_ids[0]
    first = beginning(tokenizer, ids)
    figure = f"texts begin with {shown(tokenizer, first)}"
    if first and ids[:2] == first * 2:
        return Finding(
            CHECK,
            f"{figure} twice",
            "Take it out of the prefix, or set special_tokens of the contract to false.",
        )
    known = subject.published
    if known is not None:
        wanted = beginning(
            tokenizer, subject.tokenized(known.contract, "passage", [DOCUMENTS[0]])[0]
        )
        if wanted != first:
            return Finding(
                CHECK,
                f"{figure}, the publisher's with {shown(tokenizer, wanted)}",
                "Set special_tokens and the prefixes of the contract as "
                f"{known.source('special_tokens', 'passage_prefix')} has them.",
            )
    bos = tokenizer.bos_token_id
    asked = subject.contract.special_tokens and setting(subject, "add_bos_token")
    if asked and bos is not None and first != [bos]:
        return Finding(
            CHECK,
            f"{figure}, though {SETTINGS} asks for {tokenizer.bos_token}",
            "The tokenizer's files contradict each other: fetch tokenizer.json and "
            f"{SETTINGS} again, from the same revision.",
        )
    return Finding(CHECK, figure)
