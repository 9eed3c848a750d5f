"""Keys of a contract that a user replaces, behind a name or from Python."""

import pytest

from llm_encoders import EncoderConfig, UsageError, load_encoder, registry
from llm_encoders.checkpoints.contract_options import Written, overridden

DENSE = EncoderConfig(
    "dense", instruction="Find it", query_prefix="Instruct: {instruction}\nQuery: "
)


def test_written_values_are_parsed_and_those_of_python_are_not():
    written = {"query_prefix": Written(r'"a\n"'), "passage_prefix": Written("none")}
    found = overridden(DENSE, written, "x")
    assert (found.query_prefix, found.passage_prefix) == ("a\n", "none")
    given = {"query_prefix": '"quoted"', "passage_prefix": r"a\n", "passage_template": None}
    found = overridden(DENSE, given, "x")
    assert (found.query_prefix, found.passage_prefix) == ('"quoted"', r"a\n")
    assert overridden(DENSE, {"projections": Written("none")}, "x").projections == ()
    assert overridden(DENSE, {"projections": Written("2_Dense+3")}, "x").projections == (
        "2_Dense",
        "3",
    )


def test_a_key_of_the_other_paradigm_is_refused():
    for paradigm, key in (("dense", "query_top_k"), ("sparse", "normalize")):
        contract = EncoderConfig(paradigm)
        with pytest.raises(UsageError, match=f"x: '{key}' does not concern {paradigm} encoders"):
            overridden(contract, {key: Written("1")}, "x")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"query_prefix": None}, "query_prefix is None; expected str"),
        ({"passage_prefix": 3}, "passage_prefix is 3; expected str"),
        ({"query_prefix": "{instruction} \ud800"}, "query_prefix holds half a character"),
        ({"query_suffix": " {instruction}"}, "query_suffix has {instruction}, which has its place"),
    ],
)
def test_values_that_are_no_text_for_a_tokenizer(changes, problem):
    with pytest.raises(UsageError, match=problem):
        overridden(DENSE, changes, "x")


def test_an_empty_instruction_is_refused():
    with pytest.raises(UsageError, match="x: the instruction is empty. .*query_prefix="):
        overridden(DENSE, {"instruction": Written("")}, "x")


def test_more_components_than_there_are():
    with pytest.raises(UsageError, match="dimension is 4,096, but its vectors have 256 components"):
        load_encoder("llm-dense-tiny,dimension=4096", device="cpu")
    folder = registry.presets()["llm-dense-tiny"].local_folder
    encoder = load_encoder(folder, device="cpu", dimension=256)
    assert encoder.dimension == 256
    with pytest.raises(UsageError, match="dimension is 257"):
        encoder.replace_config(dimension=257)
    encoder.replace_config(pooling="mean+max", dimension=257)
    assert encoder.encode_queries(["a"]).shape == (1, 257)
