"""Options behind a name that are written nearly right: a sentence, never another prefix."""

import pytest

from llm_encoders.errors import UsageError
from llm_encoders.spec import parse_spec, require_line_ends


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("query_prefix=query: , passage_prefix=passage: ", "holds ', passage_prefix='.*without"),
        (
            "query_prefix=query: ,passage-prefix=passage: ",
            "write ',passage_prefix=' without blanks",
        ),
        ("query_prefix=query: ,Passage_Prefix=x", "write ',passage_prefix=' without"),
        ("query_prefix=query: ;passage_prefix=x", "holds 'passage_prefix='"),
        ("instruction=Find it, Frist = x", "holds ', Frist ='"),
        (r"query_prefix=Instruct: a\nQuery: ", r'in double quotes .* as in query_prefix="…\\n…"'),
        ("query_prefix='query: '", "starts with a quotation mark"),
        ("query_prefix=\u201cquery: \u201d", "starts with a quotation mark"),
        ('query_prefix="query: ', "starts with a quotation mark"),
        ('query_prefix="query: " ,dtype=float32', "starts with a quotation mark"),
        ("backbone='/models/llama'", "'backbone' starts with a quotation mark"),
    ],
)
def test_a_slip_in_a_value(written, problem):
    with pytest.raises(UsageError, match=problem):
        parse_spec(f"me/adapter,{written}")


@pytest.mark.parametrize("slip", [", dtype=float32", ",Dtype=x", ", query-prefix =a,dtype=x"])
def test_a_slip_before_the_first_option(tmp_path, slip):
    with pytest.raises(UsageError, match="write ',(dtype|query_prefix)=' without blanks in place"):
        parse_spec(f"me/adapter{slip}")
    folder = tmp_path / f"run{slip}"
    folder.mkdir()
    assert parse_spec(str(folder)) == (str(folder), {})


def test_a_line_end_that_no_shell_makes():
    with pytest.raises(UsageError, match=r"^The prefix holds \\n as two characters.*\$'…\\n…'"):
        require_line_ends("The prefix", r"Instruct: a\nQuery: ")
    require_line_ends("The prefix", "Instruct: a\nQuery: ")


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('don\'t, say "why"', 'don\'t, say "why"'),
        ("Query (a, b): ", "Query (a, b): "),
        ("1 = 1, 2 = 2", "1 = 1, 2 = 2"),
        (r'"\\n, x=1"', r'"\\n, x=1"'),
    ],
)
def test_what_is_no_slip(written, value):
    assert parse_spec(f"me/adapter,query_prefix={written}") == (
        "me/adapter",
        {"query_prefix": value},
    )
    assert parse_spec(r"me/adapter,backbone=C:\new")[1] == {"backbone": r"C:\new"}


@pytest.mark.parametrize("name", ["run,lr=3", "end,dtype=float32", "a b,c", "x=1"])
def test_options_behind_a_path_that_exists(tmp_path, name):
    folder = tmp_path / name / "best"
    folder.mkdir(parents=True)
    for path in (folder, folder.parent):
        assert parse_spec(f"{path},dtype=x,query_prefix=a")[0] == str(path)
        assert parse_spec(f"{path},dtype=x")[1] == {"dtype": "x"}
