"""Where a passage goes in a prompt."""

import pytest

from llm_encoders import EncoderError, UsageError
from llm_encoders.scaling.augment.prompt import DEFAULT, fill, read_prompt


def test_places_are_filled_once():
    prompt = '{"a": 1} {title}: {text}\nQuery:'
    assert fill(prompt, "T", "{title} of x") == '{"a": 1} T: {title} of x\nQuery:'
    assert fill(DEFAULT, "T", "x").startswith("Title: T\nPassage: x\n")


def test_lines_of_the_title_alone_go_without_one():
    assert fill("Title: {title}\n{title} {text}\nQuery:", None, "x") == " x\nQuery:"
    assert fill(DEFAULT, None, "x").startswith("Passage: x\n")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("Write a query.\n", "the prompt has no {text}, so the model would not read the passage"),
        ("{titel} {text}", r"no place {titel} in a prompt. Did you mean 'title'\?"),
        ("{passage}", "no place {passage} in a prompt"),
    ],
)
def test_a_prompt_without_its_places_is_refused(tmp_path, content, said):
    path = tmp_path / "prompt.txt"
    path.write_text(content)
    with pytest.raises(UsageError, match=f"prompt.txt: .*{said}"):
        read_prompt(path)


def test_a_prompt_is_read_without_its_last_line_end(tmp_path):
    path = tmp_path / "prompt.txt"
    path.write_text("{text}\nQuery:\n")
    assert read_prompt(path) == "{text}\nQuery:"
    with pytest.raises(EncoderError, match="Cannot read .*absent.txt"):
        read_prompt(tmp_path / "absent.txt")
