import torch
from hypothesis import given
from hypothesis import strategies as st

from llm_encoders.encoding.batching import length_sorted, pad


@given(st.lists(st.integers(1, 300), max_size=80), st.integers(1, 20), st.integers(1, 1000))
def test_every_row_once_within_both_bounds(lengths, max_texts, max_tokens):
    batches = length_sorted(lengths, max_texts, max_tokens)
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    for batch in batches:
        longest = max(lengths[row] for row in batch)
        assert len(batch) <= max_texts
        assert len(batch) == 1 or len(batch) * longest <= max_tokens
    in_order = [lengths[row] for batch in batches for row in batch]
    assert in_order == sorted(lengths, reverse=True)


def test_padding_sides():
    ids = [[5], [7, 8, 9]]
    right, left = pad(ids, [1, 0], "right"), pad(ids, [1, 0], "left")
    assert right.token_ids.tolist() == [[7, 8, 9], [5, 0, 0]]
    assert left.token_ids.tolist() == [[7, 8, 9], [0, 0, 5]]
    assert left.attention_mask.tolist() == [[1, 1, 1], [0, 0, 1]]
    assert torch.equal(right.attention_mask.sum(1), left.attention_mask.sum(1))
