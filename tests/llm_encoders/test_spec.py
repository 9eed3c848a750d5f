import pytest

from llm_encoders.errors import UsageError
from llm_encoders.spec import parse_spec


def test_spec_with_options():
    assert parse_spec("llm-splade-8b") == ("llm-splade-8b", {})
    name, options = parse_spec("me/adapter,paradigm=sparse,backbone=/models/llama-3")
    assert name == "me/adapter"
    assert options == {"paradigm": "sparse", "backbone": "/models/llama-3"}
    with pytest.raises(UsageError, match="unknown option 'paradim'. Did you mean 'paradigm'"):
        parse_spec("me/adapter,paradim=sparse")


def test_keys_of_a_contract_behind_a_name():
    """Commas stay, up to the next option; in double quotes a value is a JSON string."""
    written = (
        r'me/it,instruction=Find code, or prose,query_prefix="a,b=c\n\"{instruction}\"",dtype=x'
    )
    name, options = parse_spec(written)
    assert name == "me/it"
    assert options == {
        "instruction": "Find code, or prose",
        "query_prefix": r'"a,b=c\n\"{instruction}\""',
        "dtype": "x",
    }
    assert parse_spec("a,query_prefix=")[1] == {"query_prefix": ""}
    assert parse_spec('a,backbone="/models/b,dtype=c"')[1] == {"backbone": "/models/b,dtype=c"}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("a,instruction=x,y=z", "unknown option 'y'.*',y=' itself goes in double quotes"),
        ("a,dtype=x,dtype=y", "'dtype' is given twice"),
        (r'a,backbone="\d"', "is no JSON string"),
        (",dtype=x", "the name before the options is empty"),
    ],
)
def test_wrong_options(spec, message):
    with pytest.raises(UsageError, match=message):
        parse_spec(spec)


def test_existing_path_is_never_split(tmp_path):
    folder = tmp_path / "odd,paradigm=sparse"
    folder.mkdir()
    assert parse_spec(str(folder)) == (str(folder), {})
