"""Sentences, headings and samples of documents, by rules that a reader can check by eye."""

import numpy as np
import pytest

from llm_encoders.data.pseudo_queries import Draft, headings, inverse_cloze, sentences
from llm_encoders.data.pseudo_queries.inverse_cloze import REMOVAL
from llm_encoders.data.sampling import sample

TEXT = "Cats hunt at dawn. They sleep all day! Do they? Yes."


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (TEXT, ["Cats hunt at dawn.", "They sleep all day!", "Do they?", "Yes."]),
        (
            "It costs 3.5 euros, approx. five dollars. Ok",
            ["It costs 3.5 euros, approx. five dollars.", "Ok"],
        ),
        ('He said "Go." Then he left.', ['He said "Go."', "Then he left."]),
        ("(It rained.) We stayed.", ["(It rained.)", "We stayed."]),
        ("猫は寝る。犬は走る！鳥", ["猫は寝る。", "犬は走る！", "鳥"]),
        ("A title\n\nA text\nof two lines.", ["A title", "A text\nof two lines."]),
        ("One. 2 follows.", ["One.", "2 follows."]),
        ("", []),
        ("\n\nalone\n\n", ["alone"]),
    ],
)
def test_sentences(text, wanted):
    found = sentences(text)
    assert [text[span].strip() for span in found] == wanted
    assert "".join(text[span] for span in found) == (text if wanted else "")


def drafts(count=1, removal=1.0, seed=1, text=TEXT):
    return list(inverse_cloze(text, count, removal, np.random.default_rng(seed)))


def test_a_sentence_is_taken_out_of_its_passage():
    found = {draft.query: draft for draft in drafts(4)}
    assert len(found) == 4
    assert found["They sleep all day!"] == Draft(
        "They sleep all day!", "Cats hunt at dawn. Do they? Yes.", "without-sentence-2"
    )
    assert found["Yes."].text == "Cats hunt at dawn. They sleep all day! Do they?"
    assert found["Cats hunt at dawn."].text == "They sleep all day! Do they? Yes."


def test_a_sentence_may_stay():
    assert {draft.text for draft in drafts(4, removal=0.0)} == {None}
    assert {draft.part for draft in drafts(4, removal=0.0)} == {""}


def test_sentences_are_drawn_evenly_and_removed_in_nine_of_ten():
    found = [drafts(1, REMOVAL, seed)[0] for seed in range(1000)]
    removed = sum(draft.text is not None for draft in found)
    assert 870 < removed < 930  # of 900, three standard deviations
    counts = [sum(draft.query == one for draft in found) for one in {d.query for d in found}]
    assert len(counts) == 4 and min(counts) > 200


def test_a_single_sentence_gives_nothing():
    assert drafts(text="A single sentence, with a comma.") == []


MARKDOWN = """Words above.

# Install ##
Run the command.

```
# a comment
```
Usage {#usage}
==============
See [the **guide**](http://x.org/a) and more.
## Empty
### `Options` and [links](b)
A list:
- one
---
| a table |
"""


def test_headings_of_markdown():
    assert list(headings(MARKDOWN)) == [
        Draft(
            "Install",
            "Run the command.\n\n```\n# a comment\n```\nUsage {#usage}\n"
            "==============\nSee [the **guide**](http://x.org/a) and more.",
            "section-1",
        ),
        Draft("Empty", "", "section-2"),
        Draft("Options and links", "A list:\n- one\n---\n| a table |", "section-3"),
    ]


def test_underlined_headings():
    text = "Usage {#usage}\n=====\nFirst.\n\nMore\n----\nSecond.\n\n---\nThird."
    assert [(one.query, one.text) for one in headings(text)] == [
        ("Usage", "First."),
        ("More", "Second.\n\n---\nThird."),
    ]


def test_lines_that_stand_alone_are_headings_where_there_is_no_markdown():
    text = (
        "Background\n\nCats are animals.\n\nthey hunt\n\nA full sentence.\n\nResults and more\n\n"
        f"{'Long ' * 20}\n\n123\n\nThey sleep."
    )
    found = list(headings(text))
    assert [one.query for one in found] == ["Background", "Results and more"]
    assert found[0].text == "Cats are animals.\n\nthey hunt\n\nA full sentence."
    assert list(headings("A text of a single line")) == [
        Draft("A text of a single line", "", "section-1")
    ]
    assert list(headings("Two lines\nof a text.")) == []


@pytest.mark.parametrize("limit", [1, 5, 30])
def test_a_sample_is_the_items_of_the_smallest_numbers(limit):
    numbers = np.random.default_rng([7, 5]).random(20)
    wanted = sorted(np.argsort(numbers)[:limit].tolist())
    assert list(sample(range(20), limit, 7)) == wanted
    assert list(sample(range(20), None, 7)) == list(range(20))
