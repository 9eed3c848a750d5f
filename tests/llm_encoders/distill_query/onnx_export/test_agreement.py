"""How far a graph is from its model: whatever differs, in whichever batch, counts."""

import numpy as np
import pytest

from llm_encoders import EncoderError
from llm_encoders.distill_query.onnx_export.agreement import compare, sample_queries


class Fake:
    """An encoder of one vector for all queries, another for ``odd`` ones."""

    name = "fake"

    def __init__(self, vector, odd=None, is_odd=lambda queries: False, token=0, length=8):
        self.vector, self.odd, self.is_odd, self.token = vector, odd, is_odd, token
        self.length, self.longest = length, 0

    def max_length(self, side):
        return self.length

    def query_token_ids(self, queries, max_length=None):
        length = max_length or self.length
        return [[self.token, *map(len, query.split())][:length] for query in queries]

    def encode_queries(self, queries, max_length=None):
        return self.encode_query_tokens(self.query_token_ids(queries, max_length))

    def encode_query_tokens(self, token_ids):
        self.longest = max(self.longest, *map(len, token_ids))
        found = np.tile(np.array(self.vector, dtype=np.float32), (len(token_ids), 1))
        if self.is_odd(token_ids):
            found[0] = self.odd
        return found


def alone(queries):
    return len(queries) == 1


def together(queries):
    return len(queries) > 1


@pytest.mark.parametrize("is_odd", [alone, together])
def test_the_largest_difference_counts(is_odd):
    found = compare(Fake([0.3, 0.4]), Fake([0.3, 0.4], [0.3, 0.5], is_odd))
    assert found.difference == pytest.approx(0.1)
    assert found.cosine == pytest.approx((0.09 + 0.2) / (0.5 * np.hypot(0.3, 0.5)), abs=1e-5)


def test_of_large_vectors_the_share_of_the_largest_component():
    found = compare(Fake([-30, 40]), Fake([-30, 40], [-30, 40.2], alone))
    assert found.difference == pytest.approx(0.2 / 40, rel=1e-4)


def test_zero_vectors():
    assert compare(Fake([0, 0]), Fake([0, 0])).cosine == 1
    assert compare(Fake([1, 0]), Fake([1, 0], [0, 0], alone)).cosine == 0


def test_other_tokens_and_other_shapes_are_no_vectors_to_compare():
    with pytest.raises(EncoderError, match="gives other tokens for the query 'a'"):
        compare(Fake([1, 0]), Fake([1, 0], token=3))
    with pytest.raises(EncoderError, match=r"have the shape \(9, 2\), those of its graph \(9, 3"):
        compare(Fake([1, 0]), Fake([1, 0, 0]))


@pytest.mark.parametrize(("length", "compared"), [(8, 8), (512, 512), (32_768, 512)])
def test_only_the_tokens_of_very_long_queries_are_compared(length, compared):
    encoder, graph = Fake([1, 0], length=length), Fake([1, 0], length=length)
    assert compare(encoder, graph).tokens == encoder.longest == graph.longest == compared
    graph.length = length - 1
    with pytest.raises(EncoderError, match="gives other tokens for the query"):
        compare(encoder, graph)


def test_samples_are_longer_than_what_is_read():
    assert max(len(query.split()) for query in sample_queries(64)) > 64
