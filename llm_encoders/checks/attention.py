"""Whether tokens see what comes after them, as the contract and the publisher say."""

from llm_encoders.checkpoints.backbone_checks import SEES_LATER_TOKENS, later_token_change
from llm_encoders.checks.finding import Finding
from llm_encoders.checks.subject import Subject

CHECK = "attention"


def check_attention(subject: Subject) -> Finding:
    """Later tokens must change earlier states under bidirectional attention, and only there."""
    _, change = later_token_change(subject.encoder.backbone)
    found = "bidirectional" if change > SEES_LATER_TOKENS else "causal"
    figure = f"{found}: later tokens change earlier states by {change:.2g} of their length"
    claimed = subject.contract.attention
    if found != claimed:
        return Finding(
            CHECK,
            f"{figure}, but the contract says {claimed}",
            "Use attention_implementation='sdpa' or 'eager', or a version of Transformers that "
            "obeys is_causal.",
        )
    known = subject.published
    if known is not None and known.contract.attention != claimed:
        return Finding(
            CHECK,
            f"{figure}; the publisher's is {known.contract.attention}",
            f"Set attention of the contract to '{known.contract.attention}', as "
            f"{known.source('attention')} has it.",
        )
    return Finding(CHECK, figure)
