"""Special tokens at both ends of a text: present where they belong, once, and pooled or not."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from llm_encoders.checkpoints.tokenizer import tokenizer_folder
from llm_encoders.checks.finding import Finding, not_checked
from llm_encoders.checks.probes import DOCUMENTS, LONG, QUERIES
from llm_encoders.checks.subject import Subject, relative_difference
from llm_encoders.config import EncoderConfig
from llm_encoders.heads.representation import pooled_tokens, represent
from llm_encoders.reading import read_object
from llm_encoders.sides import SIDES

END, BEGINNING, BOS_POOLED = "end of text", "beginning of text", "BOS in the pool"
_SETTINGS = "tokenizer_config.json"
_MOST_LONG = 4096  # tokens; a longer text is not tokenised for a check
# Relative to a vector's norm; float32 gives differences of 1e-6 where nothing differs.
_SAME = 1e-4


def check_end(subject: Subject) -> Finding:
    """Queries, passages and cut passages must end alike, with EOS where the publisher has it."""
    tokenizer, contract = subject.tokenizer, subject.contract
    ends = {
        "query": _ending(tokenizer, subject.query_ids[0]),
        "passage": _ending(tokenizer, subject.document_ids[0]),
    }
    figure = f"queries end with {_shown(tokenizer, ends['query'])}, passages with "
    figure += _shown(tokenizer, ends["passage"])
    known = subject.published
    for side in SIDES:
        if known is not None:
            text = [QUERIES[0] if side == "query" else DOCUMENTS[0]]
            wanted = _ending(tokenizer, subject.tokenized(known.contract, side, text)[0])
            if ends[side] != wanted:
                source = known.source("append_eos", "special_tokens", f"{side}_suffix")
                return Finding(
                    END,
                    f"{figure}; the publisher's {side} ends with {_shown(tokenizer, wanted)}",
                    f"Set append_eos, special_tokens and {side}_suffix of the contract as {source} "
                    "has them.",
                )
        elif len(ends[side]) > 1:
            return Finding(
                END,
                figure,
                "The tokenizer or the suffix ends texts already: set append_eos to false.",
            )
    eos = tokenizer.eos_token_id
    if known is None and _own_setting(subject, "add_eos_token") and ends["passage"] != [eos]:
        return Finding(
            END,
            f"{figure}; {_SETTINGS} asks for {tokenizer.eos_token}",
            "Set append_eos of the contract to true.",
        )
    if (length := _cut_length(subject)) is not None:
        long = LONG * (2 * length // 8)
        cut = _ending(tokenizer, subject.encoder.document_token_ids([long], max_length=length)[0])
        if cut != ends["passage"]:
            return Finding(
                END,
                f"{figure}, those that are cut with {_shown(tokenizer, cut)}",
                "Have the end added after cutting: by append_eos or passage_suffix of the contract "
                "instead of the tokenizer.",
            )
        figure += ", cut ones too"
    if not ends["passage"] and known is None and contract.pooling in ("last", "eos"):
        return not_checked(END, f"{figure}, and its last token is pooled; {subject.unpublished}")
    return Finding(END, figure)


def check_beginning(subject: Subject) -> Finding:
    """Texts must begin with BOS where the publisher or the tokenizer's settings have it, once."""
    tokenizer, ids = subject.tokenizer, subject.document_ids[0]
    first = _beginning(tokenizer, ids)
    figure = f"texts begin with {_shown(tokenizer, first)}"
    if first and ids[:2] == first * 2:
        return Finding(
            BEGINNING,
            f"{figure} twice",
            "Take it out of the prefix, or set special_tokens of the contract to false.",
        )
    known = subject.published
    if known is not None:
        wanted = _beginning(
            tokenizer, subject.tokenized(known.contract, "passage", [DOCUMENTS[0]])[0]
        )
        if wanted != first:
            return Finding(
                BEGINNING,
                f"{figure}, the publisher's with {_shown(tokenizer, wanted)}",
                "Set special_tokens and the prefixes of the contract as "
                f"{known.source('special_tokens', 'passage_prefix')} has them.",
            )
    bos = tokenizer.bos_token_id
    asked = subject.contract.special_tokens and _setting(subject, "add_bos_token")
    if asked and bos is not None and first != [bos]:
        return Finding(
            BEGINNING,
            f"{figure}, though {_SETTINGS} asks for {tokenizer.bos_token}",
            "The tokenizer's files contradict each other: fetch tokenizer.json and "
            f"{_SETTINGS} again, from the same revision.",
        )
    return Finding(BEGINNING, figure)


def check_bos_pooled(subject: Subject) -> Finding:
    """The vector must be that of a pool with the first token, or without, as the contract says."""
    tokenizer = subject.tokenizer
    first = _beginning(tokenizer, subject.document_ids[0])
    if not first:
        return Finding(BOS_POOLED, "texts begin with no special token")
    name = _shown(tokenizer, first)
    with_it, without = _pooled_both_ways(subject)
    if relative_difference(with_it, without) < _SAME:
        return Finding(BOS_POOLED, f"{name} makes no difference to the vector")
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
            BOS_POOLED,
            f"{figure}; the contract says it is {'pooled' if wanted else 'left out'}",
            f"The tokenizer's bos_token is {tokenizer.bos_token}: set it to {name} in {_SETTINGS}."
            if tokenizer.bos_token_id != first[0]
            else "This is a fault of this package; please report it.",
        )
    known = subject.published
    if known is not None and _wants_bos(known.contract) != is_pooled:
        return Finding(
            BOS_POOLED,
            f"{figure}; the publisher {'leaves it out' if is_pooled else 'pools it'}",
            f"Set pool_bos of the contract to {str(not is_pooled).lower()}, as "
            f"{known.source('pool_bos', 'passage_pool_prefix', 'paradigm')} has it.",
        )
    return Finding(BOS_POOLED, figure)


def _wants_bos(contract: EncoderConfig) -> bool:
    side = contract.side("passage")
    return contract.pool_bos and (side.pool_prefix or not side.prefix)


@torch.inference_mode()
def _pooled_both_ways(subject: Subject) -> tuple[np.ndarray, np.ndarray]:
    """The first document's vector with its first token in the pool, and without."""
    token_ids, backbone = subject.document_ids[0], subject.encoder.backbone
    ids, mask, states = subject.states(token_ids)
    unpooled = torch.tensor([getattr(token_ids, "unpooled", 0)], device=ids.device)
    pooled = pooled_tokens(ids, mask, subject.contract, subject.tokenizer, unpooled)
    found = []
    for takes_part in (True, False):
        pooled[0, 0] = takes_part
        vectors = represent(states, pooled, subject.contract, backbone.head, backbone.projections)
        found.append(vectors.cpu().numpy())
    return found[0], found[1]


def _beginning(tokenizer: Any, ids: Sequence[int]) -> list[int]:
    """The first token where it is special, as a list of one."""
    return list(ids[:1]) if ids[0] in _special(tokenizer) else []


def _ending(tokenizer: Any, ids: Sequence[int]) -> list[int]:
    """The special tokens after the last ordinary one."""
    special = _special(tokenizer)
    count = next((i for i, one in enumerate(reversed(ids)) if one not in special), len(ids))
    return list(ids[len(ids) - count :])


def _special(tokenizer: Any) -> set[int]:
    added = tokenizer.added_tokens_decoder.items()
    return {*tokenizer.all_special_ids, *(number for number, token in added if token.special)}


def _shown(tokenizer: Any, ids: list[int]) -> str:
    return "".join(tokenizer.convert_ids_to_tokens(ids)) or "no special token"


def _cut_length(subject: Subject) -> int | None:
    """A maximum length to cut a passage to; ``None`` where words are left out instead."""
    side = subject.contract.side("passage")
    return None if side.text_max_length is not None else min(side.max_length, _MOST_LONG)


def _own_setting(subject: Subject, key: str) -> bool:
    """Whether the settings of a tokenizer in the checkpoint's own folder ask for something."""
    own = tokenizer_folder(subject.files) == subject.files.folder
    return own and _setting(subject, key)


def _setting(subject: Subject, key: str) -> bool:
    path = tokenizer_folder(subject.files) / _SETTINGS
    return path.is_file() and read_object(path).get(key) is True
