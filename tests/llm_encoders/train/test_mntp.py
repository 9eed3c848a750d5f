"""Masked next-token prediction: what is hidden."""

import numpy as np
import pytest
import transformers

from llm_encoders import UsageError
from llm_encoders.train.stages.mntp import mask_id_of, mask_tokens
from tests.llm_encoders.conftest import BACKBONE

SPECIAL = frozenset({0, 1})


def test_masking():
    ids = [0, *range(100, 5000), 1]
    text = mask_tokens(ids, np.random.default_rng(5), 0.2, 7, 16_384, SPECIAL)
    chosen = [position for position, _ in text.targets]
    assert 0.18 < len(chosen) / len(ids) < 0.22
    assert 0 not in chosen and len(ids) - 1 not in chosen
    assert all(ids[position] == token for position, token in text.targets)
    hidden = sum(text.token_ids[position] == 7 for position in chosen)
    kept = sum(text.token_ids[position] == ids[position] for position in chosen)
    assert 0.77 < hidden / len(chosen) < 0.83
    assert 0.07 < kept / len(chosen) < 0.13
    untouched = set(range(len(ids))) - set(chosen)
    assert all(text.token_ids[position] == ids[position] for position in untouched)


def test_mask_token_of_several_tokens():
    tokenizer = transformers.AutoTokenizer.from_pretrained(BACKBONE)
    with pytest.raises(UsageError, match="name one that is a single token"):
        mask_id_of(tokenizer, "several tokens")
