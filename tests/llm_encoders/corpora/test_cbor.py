"""Decoding CBOR: against the package ``cbor``, RFC 8949's examples, and what is no CBOR."""

import math

import cbor
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_encoders.corpora.trec_car.cbor import IncompleteError, MalformedError, decode

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.binary(max_size=300)
    | st.text(st.characters(codec="utf-8"), max_size=80),
    lambda inner: st.lists(inner, max_size=30) | st.dictionaries(st.text("abc"), inner),
    max_leaves=40,
)
# Of RFC 8949, appendix A.
EXAMPLES = [
    ("3903e7", -1000),
    ("f93c00", 1.0),
    ("f97bff", 65504.0),
    ("fb3ff199999999999a", 1.1),
    ("5f42010243030405ff", b"\1\2\3\4\5"),
    ("7f657374726561646d696e67ff", "streaming"),
    ("9fff", []),
    ("9f018202039f0405ffff", [1, [2, 3], [4, 5]]),
    ("83018202039f0405ff", [1, [2, 3], [4, 5]]),
    ("bf6346756ef563416d7421ff", {"Fun": True, "Amt": -2}),
    ("c11a514b67b0", 1363896240),
]
MALFORMED = [
    ("1c", 0, "0x1c begins no item"),
    ("ff", 0, "0xff begins no item"),
    ("f8ff", 0, "0xf8 begins no item"),
    ("820162c328", 2, "not valid UTF-8"),
    ("9f5f6161ff", 2, "something else than pieces of text"),
    ("a1800102", 0, "a list as a key"),
    ("bf01ff", 0, "a key without a value"),
    ("81" * 300, 200, "nested over 200 deep"),
    ("9f" * 300, 200, "nested over 200 deep"),
    ("c1" * 300, 200, "nested over 200 deep"),
]


@given(VALUES, st.binary(max_size=5), st.binary(max_size=5))
def test_values_come_back_from_any_place(value, before, after):
    data = cbor.dumps(value)
    assert decode(before + data + after, len(before)) == (value, len(before) + len(data))


@given(VALUES)
def test_an_item_that_is_cut_anywhere_needs_more(value):
    data = cbor.dumps(value)
    for end in range(len(data)):
        with pytest.raises(IncompleteError) as error:
            decode(data[:end], 0)
        assert end < error.value.needed <= len(data)


@pytest.mark.parametrize(("written", "value"), EXAMPLES)
def test_examples_of_the_standard(written, value):
    data = bytes.fromhex(written)
    assert decode(data, 0) == (value, len(data))


def test_not_a_number():
    assert math.isnan(decode(bytes.fromhex("f97e00"), 0)[0])


@pytest.mark.parametrize(("written", "at", "problem"), MALFORMED)
def test_what_is_no_item_is_told_with_its_byte(written, at, problem):
    with pytest.raises(MalformedError, match=problem) as error:
        decode(bytes.fromhex(written), 0)
    assert error.value.at == at


def test_a_length_that_cannot_be_is_not_allocated():
    for head in ("5b", "7b", "9b", "bb"):
        with pytest.raises(IncompleteError) as error:
            decode(bytes.fromhex(head + "0fffffffffffffff"), 0)
        assert error.value.needed > 2**59
