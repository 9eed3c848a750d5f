"""Lists of real models, on the command line and in a file."""

import pytest

from llm_encoders.errors import EncoderError
from llm_encoders.scaling.plan.models import Model, read_models


def test_models_of_a_command_line_from_small_to_large():
    found = read_models("8B=6.98B, 1B=973M,tiny=1e6")
    assert found == [Model("tiny", 1e6), Model("1B", 973e6), Model("8B", pytest.approx(6.98e9))]


def test_models_of_a_file(tmp_path):
    path = tmp_path / "models.yaml"
    path.write_text("- {name: 3B, parameters: 2.8B}\n- {name: 1B, parameters: 973_000_000}\n")
    assert read_models(str(path)) == [Model("1B", 973e6), Model("3B", 2.8e9)]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1B=973M,1B=2B", "the model '1B' is there twice"),
        ("1B=973M,", "'' is no model; write NAME=PARAMETERS"),
        ("1B=973M,3B", "'3B' is no model"),
        ("=3", "'=3' is no model"),
        ("1B=-3", r"size of 1B is -3; give a number above 0"),
        ("1B=large", "size of 1B is 'large', which is no number"),
        ("absent.yaml", "Cannot read absent.yaml"),
    ],
)
def test_what_is_no_list_of_models(text, sentence):
    with pytest.raises(EncoderError, match=sentence):
        read_models(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1B: 973M", "expected a list of models"),
        ("[]", "expected a list of models"),
        ("- 1B", "model 1: expected the keys name and parameters"),
        ("- {name: 1B, parameters: 1, size: 2}", "model 1: unknown key 'size'"),
        ("- {name: 1B, parameter: 1}", r"unknown key 'parameter'. Did you mean 'parameters'\?"),
        ("- {name: 1B}", "model 1: the key 'parameters' is missing"),
        ("- {name: 1B, parameters: .nan}", "model 1: size of 1B is nan"),
    ],
)
def test_what_is_no_file_of_models(tmp_path, text, sentence):
    path = tmp_path / "models.yaml"
    path.write_text(text)
    with pytest.raises(EncoderError, match=sentence):
        read_models(str(path))


@pytest.mark.parametrize(
    ("size", "problem"),
    [("7", "is 7; write all its parameters"), ("1.000", "'1.000', which is 1 to some")],
)
def test_sizes_that_are_surely_in_millions_or_billions(size, problem):
    with pytest.raises(EncoderError, match=problem):
        read_models(f"7B={size}")


def test_a_model_of_a_file_has_a_name(tmp_path):
    path = tmp_path / "models.yaml"
    path.write_text("- {name: , parameters: 3B}\n")
    with pytest.raises(EncoderError, match="model 1: the name is empty"):
        read_models(str(path))
