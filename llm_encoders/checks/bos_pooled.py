"""Whether the first token takes part in pooling where it should."""

import numpy as np
import torch

from llm_encoders.checks.finding import Finding
from llm_encoders.checks.special_tokens import SETTINGS, beginning, shown
from llm_encoders.checks.subject import Subject, relative_difference
from llm_encoders.config import EncoderConfig
from llm_encoders.heads.representation import represent

CHECK = "BOS in the pool"
# Relative to a vector's norm; float32 gives differences of 1e-6 where nothing differs.
_SAME = 1e-4


def check_bos_pooled(subject: Subject) -> Finding:
    """The vector must be that of a pool with the first token, or without, as the contract says."""
    tokenizer = subject.tokenizer
    first = beginning(tokenizer, subject.document_ids[0])
    if not first:
        return Finding(CHECK, "texts begin with no special token")
    name = shown(tokenizer, first)
    with_it, without = _pooled_both_ways(subject)
    if relative_difference(with_it, without) < _SAME:
        return Finding(CHECK, f"{name} makes no difference to the vector")
    found = subject.documents[:1]
    distances = relative_difference(found, with_it), relative_difference(found, without)
    is_pooled = distances[0] < distances[1]
    figure = (
        f"{name} is {'pooled' if is_pooled else 'left out'}: the vector is {distances[0]:.1g} of "
        f"its length from a pool with it, {distances[1]:.1g} from one without"
    )
    wanted = _wants_bos(subject.contract)
    if is_pooled != wanted:
        return Finding(
            CHECK,
            f"{figure}; the contract says it is {'pooled' if wanted else 'left out'}",
            f"The tokenizer's bos_token is {tokenizer.bos_token}: set it to {name} in {SETTINGS}."
            if tokenizer.bos_token_id != first[0]
            else "This is a fault of this package; please report it.",
        )
    known = subject.published
    if known is not None and _wants_bos(known.contract) != is_pooled:
        return Finding(
            CHECK,
            f"{figure}; the publisher {'leaves it out' if is_pooled else 'pools it'}",
            f"Set pool_bos of the contract to {str(not is_pooled).lower()}, as "
            f"{known.source('pool_bos', 'passage_pool_prefix', 'paradigm')} has it.",
        )
    return Finding(CHECK, figure)


def _wants_bos(contract: EncoderConfig) -> bool:
    side = contract.side("passage")
    return contract.pool_bos and (side.pool_prefix or not side.prefix)


@torch.inference_mode()
def _pooled_both_ways(subject: Subject) -> tuple[np.ndarray, np.ndarray]:
    """The first document's vector with its first token in the pool, and without."""
    backbone = subject.encoder.backbone
    states, pooled = subject.states(subject.document_ids[0])
    found = []
    for takes_part in (True, False):
        pooled[0, 0] = takes_part
        vectors = represent(
            states,
            pooled,
            subject.contract,
            backbone.head,
            backbone.projections,
            backbone.head_bias,
        )
        found.append(vectors.cpu().numpy())
    return found[0], found[1]
