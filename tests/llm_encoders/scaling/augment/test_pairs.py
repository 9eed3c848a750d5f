"""Which queries are left out, and which passages share one."""

from collections import Counter

import numpy as np
import pytest

from llm_encoders.data.passages import Passages, PassageWriter
from llm_encoders.data.pseudo_queries import Draft
from llm_encoders.scaling.augment import pairs
from llm_encoders.scaling.augment.augmentation import GENERATED, HEADINGS, Augmentation
from llm_encoders.scaling.augment.pairs import PairReader, chosen, collect

TEXTS = [
    ("a", "Cats", "Cats hunt at dawn, and at dusk."),
    ("b", None, "Bread is baked of flour and water."),
    ("c", "Cats", "cats hunt at  dawn, and at dusk."),
    ("d", None, "Rain falls from heavy clouds."),
]


class Fixed:
    def __init__(self, *drafts):
        self._drafts = drafts

    def of(self, row, title, text):
        return self._drafts[row]


@pytest.fixture
def passages(tmp_path):
    writer = PassageWriter(tmp_path)
    for one in TEXTS:
        writer.add(*one)
    writer.close()
    return Passages(tmp_path)


def collected(passages, *queries, kind=GENERATED, most=10, **options):
    """Query and ids of passages of all that are kept, and the counts."""
    drafts = Fixed(*([Draft(q) if isinstance(q, str) else q for q in own] for own in queries))
    reader = PairReader(passages, drafts, Augmentation(kind, **options))
    counts = Counter()
    found = collect(reader, np.arange(len(queries)), most, counts)
    listed = [
        (reader.query(found, one), [pair.docid for pair in reader.pairs(found, one)])
        for one in range(len(found))
    ]
    return listed, +counts


def test_an_equal_query_is_one_with_all_passages_in_the_order_of_the_corpus(passages):
    found, counts = collected(
        passages, ["what hunts", "when"], ["flour"], ["when"], [" What  HUNTS ", "rain"]
    )
    assert found == [("what hunts", ["a", "d"]), ("when", ["a"]), ("flour", ["b"]), ("rain", ["d"])]
    assert counts == {pairs.AGAIN: 1}  # a and c have the same text


def test_the_same_query_of_a_passage_counts_once(passages):
    assert collected(passages, ["when", "When"]) == ([("when", ["a"])], {pairs.AGAIN: 1})


@pytest.mark.parametrize(("most", "kept"), [(1, ["flour"]), (2, ["when", "flour"])])
def test_a_query_of_too_many_passages_is_left_out(passages, most, kept):
    found, counts = collected(passages, ["when"], ["when", "flour"], ["when"], [], most=most)
    assert [query for query, _ in found] == kept
    assert counts[pairs.COMMON] == 2 - len(kept)


def test_nearly_empty_and_equal_ones_are_left_out(passages):
    found, counts = collected(
        passages,
        ["?!", "a b", "CATS hunt at dawn, and at dusk.", "cats cats hunt at dawn, and at dusk."],
        ["abc", Draft("flour", "19 letters: 456789 1234", "section-1")],
        [],
        [Draft("cloud", "20 letters: 456789 12345", "section-1")],
        kind=HEADINGS,
    )
    assert found == [("abc", ["b"]), ("cloud", ["d#section-1"])]
    assert counts == {
        pairs.EMPTY_QUERY: 2,
        pairs.EQUAL: 2,
        pairs.EMPTY_PASSAGE: 1,
        "passages without a heading": 1,
    }


def test_bounds_are_those_asked_for(passages):
    found, _ = collected(passages, ["abc", "abcd"], least_query=4)
    assert found == [("abcd", ["a"])]
    assert collected(passages, ["abcd"], least_passage=24)[0] == []
    assert collected(passages, ["abcd"], least_passage=23)[0] == [("abcd", ["a"])]


def test_nothing_at_all(passages):
    assert collected(passages, [], [])[0] == []


def test_chosen_pairs_of_every_query(passages):
    drafts = Fixed([Draft("when")], [Draft("when"), Draft("flour")], [], [Draft("When")])
    reader = PairReader(passages, drafts, Augmentation(GENERATED))
    queries = collect(reader, np.arange(4), 10, Counter())
    left = chosen(queries, [[2], []])
    assert reader.query(left, 0) == "when"  # as it was before, not as the pair that is left has it
    left = chosen(queries, [[0, 2], []])
    assert [list(left.of(query)) for query in range(len(left))] == [[(0, 0), (3, 0)]]
    left = chosen(queries, [[], [0]])
    assert [list(left.of(query)) for query in range(len(left))] == [[(1, 1)]]
    assert len(chosen(queries, [[], []])) == 0
