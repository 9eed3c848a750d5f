"""Whether the rest of a contract is the publisher's: pooling, layers behind it, texts."""

from llm_encoders.checks.finding import Finding, not_checked
from llm_encoders.checks.subject import Subject

CHECK = "publisher's contract"
# Keys that have no check of their own and that change vectors. Lengths, top-k, dimension and
# impact scale are left to whoever encodes.
_DENSE = ("pooling", "projections")
_SPARSE = ("logit_scale",)
_BOTH = (
    *("pool_eos", "strip", "lowercase", "query_pool_prefix", "passage_pool_prefix"),
    *("query_suffix", "passage_suffix", "passage_template"),
)


def check_agreement(subject: Subject) -> Finding:
    """Pooling and the like are as the publisher's files or the preset have them."""
    contract, known = subject.contract, subject.published
    if known is None:
        return not_checked(CHECK, subject.unpublished)
    keys = (*(_SPARSE if contract.paradigm == "sparse" else _DENSE), *_BOTH)
    if contract.paradigm != known.contract.paradigm:
        keys = ("paradigm",)
    different = [key for key in keys if getattr(contract, key) != getattr(known.contract, key)]
    figure = f"{keys[0]}={getattr(contract, keys[0])}"
    if not different:
        return Finding(CHECK, f"{figure} and {len(keys) - 1} more, as {known.source(*keys)}")
    shown = [f"{key} is {getattr(contract, key)!r}" for key in different]
    wanted = [f"{key} to {getattr(known.contract, key)!r}" for key in different]
    return Finding(
        CHECK,
        ", ".join(shown),
        f"Set {', '.join(wanted)}, as {known.source(*different)} has it.",
    )
