"""Whether the first token swallows the maximum that a sparse vector is made of."""

import torch

from llm_encoders.checks.finding import Finding, not_checked
from llm_encoders.checks.probes import FEW
from llm_encoders.checks.subject import Subject

CHECK = "no sink at position 0"
# Share of a document's terms. Measured: 0 to .04 with encoders and with language models of random
# or genuine weights. An encoder may put what it has to say of the text there, so it is only the
# terms common to all texts that tell.
_LARGEST = 0.5


@torch.inference_mode()
def check_sink(subject: Subject) -> Finding | None:
    """Terms that come from position 0 in every text say nothing of any of them."""
    if subject.contract.paradigm != "sparse":
        return None
    if subject.layers is not None:
        return not_checked(CHECK, "needs all layers")
    texts = [_terms(subject, ids) for ids in subject.document_ids[:FEW]]
    common = set.intersection(*(first for _, first in texts))
    share = sum(len(first) / max(1, terms) for terms, first in texts) / len(texts)
    same = sum(len(common) / max(1, terms) for terms, _ in texts) / len(texts)
    figure = f"{share:.0%} of a document's terms come from position 0, {same:.0%} in every document"
    known = subject.published
    if same > _LARGEST and (known is None or not known.contract.pool_bos):
        return Finding(
            CHECK,
            figure,
            "Most terms do not depend on the text: set pool_bos of the contract to false, or "
            "special_tokens to false if the encoder was trained without BOS.",
        )
    return Finding(CHECK, figure)


def _terms(subject: Subject, token_ids: list[int]) -> tuple[int, set[int]]:
    """How many terms a text has, and which of them have their maximum at position 0."""
    states, mask = subject.states(token_ids)
    head = subject.encoder.backbone.head
    assert head is not None
    pooled = mask[0]
    logits = states[0].to(head.dtype) @ head.T  # [length, vocabulary]
    maxima, places = logits[pooled].max(0)
    places = pooled.nonzero().squeeze(1)[places]
    first = (maxima > 0) & (places == 0)
    return int((maxima > 0).sum()), set(first.nonzero().squeeze(1).tolist())
