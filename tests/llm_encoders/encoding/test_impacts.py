import numpy as np
import pytest
from scipy.sparse import csr_array

from llm_encoders import EncoderError
from llm_encoders.encoding.impacts import keep_top_k, quantize, to_term_dicts

VECTORS = csr_array(
    np.array([[0.5, 0, 0.004, 1.25], [0, 0, 0, 0], [0.3, 0.3, 0.3, 0.3]], dtype=np.float32)
)


def test_impacts_are_rounded_and_zeros_dropped():
    impacts = quantize(VECTORS, 100)
    assert impacts.dtype == np.int32
    assert impacts.toarray().tolist() == [[50, 0, 0, 125], [0, 0, 0, 0], [30, 30, 30, 30]]
    assert impacts.nnz == 6
    assert VECTORS.nnz == 7  # the input is left as it was


def test_term_dictionaries_hold_python_integers():
    dicts = to_term_dicts(quantize(VECTORS, 100), ["a", "b", "c", "d"])
    assert dicts == [{"a": 50, "d": 125}, {}, {"a": 30, "b": 30, "c": 30, "d": 30}]
    assert all(type(value) is int for d in dicts for value in d.values())


def test_top_k_keeps_the_largest_and_breaks_ties_by_column():
    kept = keep_top_k(VECTORS, 2)
    np.testing.assert_allclose(
        kept.toarray(), [[0.5, 0, 0, 1.25], [0, 0, 0, 0], [0.3, 0.3, 0, 0]], rtol=1e-6
    )
    assert keep_top_k(VECTORS, None) is VECTORS
    assert keep_top_k(csr_array((0, 4), dtype=np.float32), 2).shape == (0, 4)


@pytest.mark.parametrize("weight", [np.inf, np.nan, 3e9])
def test_impacts_beyond_int32_are_refused(weight):
    vectors = csr_array(np.array([[0.5, weight]], dtype=np.float32))
    with pytest.raises(EncoderError, match="beyond"):
        quantize(vectors, 1.0)
