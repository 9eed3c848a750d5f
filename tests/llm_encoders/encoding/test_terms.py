import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_encoders.encoding.terms import index_terms, is_java_whitespace, is_safe_term


@given(st.lists(st.one_of(st.none(), st.text(max_size=6)), max_size=40))
def test_terms_are_distinct_and_safe(tokens):
    terms = index_terms(tokens)
    assert len(terms) == len(tokens)
    assert len(set(terms)) == len(terms)
    assert all(map(is_safe_term, terms))


@given(st.sets(st.text(min_size=1, max_size=6).filter(is_safe_term), max_size=40))
def test_safe_distinct_tokens_stay_as_they_are(tokens):
    assert index_terms(sorted(tokens)) == sorted(tokens)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a b",
        "\n",
        "\u3000",
        "\u2028",
        "x\u2003y",
        "\x1c",
        "\0",
        "\ud800",
        "a" * 256,
        "a\u00a0b",
        "\x85",
        "\u202f",
    ],
)
def test_unsafe_tokens_are_replaced(token):
    assert index_terms([token, "cat"]) == ["[token:0]", "cat"]


def test_replacement_avoids_what_the_vocabulary_holds():
    assert index_terms(["[token:1]", "\n", "[[token:1]]"]) == [
        "[token:1]",
        "[[[token:1]]]",
        "[[token:1]]",
    ]
    assert index_terms(["a", "a"]) == ["[token:0]", "[token:1]"]


def test_length_counts_utf16_units_as_java_does():
    assert is_safe_term("😀" * 127)
    assert not is_safe_term("😀" * 128)


def test_java_whitespace():
    assert all(map(is_java_whitespace, " \t\n\v\f\r\x1c\x1d\x1e\x1f\u1680\u2028\u2029\u3000"))
    assert not any(map(is_java_whitespace, "\u00a0\u2007\u202f\u0085\u200bĠĊ▁"))


def test_byte_level_bpe_alphabet_is_safe():
    from tokenizers.pre_tokenizers import ByteLevel

    alphabet = ByteLevel.alphabet()
    assert len(alphabet) == 256
    assert index_terms(alphabet) == alphabet
