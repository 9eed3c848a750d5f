"""Reading of prices; a missing, doubled, unknown or impossible one is a sentence."""

import dataclasses

import pytest

from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.scaling.plan.cost import development, inference
from llm_encoders.scaling.plan.prices import Prices, read_prices
from llm_encoders.scaling.plan.quantity import Range, parse, written
from tests.llm_encoders.scaling.plan.laws import PRICES


def written_file(folder, text):
    path = folder / "prices.yaml"
    path.write_text(text)
    return path


def test_a_file_and_options_that_replace_it(tmp_path):
    path = written_file(tmp_path, "annotation: 0.5\ntraining_flop: 3e-18\npassages: 8.84M\n")
    prices = read_prices(path, {"annotation": 0.7, "epochs": 4.0, "passages": None})
    assert prices.given() == {
        "annotation": 0.7,
        "training_flop": 3e-18,
        "epochs": 4.0,
        "passages": pytest.approx(8.84e6),
    }


def test_a_gpu_in_place_of_a_price_an_operation():
    """2 an hour, 100 operations a second of which half are reached: 2 / (3600 · 50) each."""
    gpu = Prices(
        gpu_hour=2.0, gpu_flops=100.0, training_utilisation=0.5, inference_utilisation=0.25
    )
    assert gpu.training_flop_price() == pytest.approx(2 / (3600 * 50))
    assert gpu.inference_flop_price() == pytest.approx(2 / (3600 * 25))
    rest = {key: value for key, value in PRICES.items() if not key.endswith("flop")}
    per_hour = Prices(**rest, **gpu.given())
    per_flop = Prices(**rest, training_flop=2 / (3600 * 50), inference_flop=2 / (3600 * 25))
    for items in (development, inference):
        for name, cost in items(per_hour).items():
            assert vars(cost) == pytest.approx(vars(items(per_flop)[name]))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("anotation: 1", r"prices.yaml: unknown price 'anotation'. Did you mean 'annotation'\?"),
        ("annotation: -1", r"annotation is -1; give a number of at least 0\."),
        ("annotation: .nan", r"annotation is nan; give a finite number\."),
        ("annotation: .inf", r"annotation is inf; give a finite number\."),
        ("annotation: true", r"annotation is 'True', which is no number\."),
        ("annotation: cheap", r"annotation is 'cheap', which is no number; write it as 0\.6"),
        ("annotation: [1]", r"annotation is '\[1\]', which is no number\."),
        ("training_utilisation: 40", r"training_utilisation is 40; .* at most 1\."),
        ("gpu_flops: 0", r"gpu_flops is 0; give a number above 0\."),
        ("- 1", r"prices.yaml: expected one price a line"),
        ("annotation: 1\nannotation: 2", r"the key 'annotation' stands on line 1 as well"),
    ],
)
def test_what_a_file_may_not_hold(tmp_path, text, sentence):
    with pytest.raises(EncoderError, match=sentence):
        read_prices(written_file(tmp_path, text), {})


@pytest.mark.parametrize("key", PRICES)
def test_a_missing_price_is_named_with_its_unit(key):
    prices = Prices(**{name: value for name, value in PRICES.items() if name != key})
    names = {"training_flop": "training_utilisation", "inference_flop": "inference_utilisation"}
    unit = {one.name: one.metadata["unit"] for one in dataclasses.fields(Prices)}
    missing = names.get(key, key)
    with pytest.raises(UsageError) as caught:
        _ = development(prices), inference(prices)
    assert f"{missing} ({unit[missing]})" in str(caught.value)
    assert key in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"training_utilisation": 0.4}, "Both training_flop and training_utilisation are given"),
        ({"inference_utilisation": 0.4}, "Both inference_flop and inference_utilisation are given"),
        ({"training_tokens": 1e9}, "training_tokens is given beside pair_tokens and epochs"),
    ],
)
def test_two_prices_of_one_thing(changes, sentence):
    prices = Prices(**PRICES, **changes)
    with pytest.raises(UsageError, match=sentence):
        _ = development(prices), inference(prices)


@pytest.mark.parametrize(
    ("text", "number"),
    [("973M", 973e6), ("2.8B", 2.8e9), ("20K", 2e4), ("20k", 2e4), ("1T", 1e12), ("1e-17", 1e-17)],
)
def test_numbers_as_people_write_them(text, number):
    assert parse(text, "it", Range()) == pytest.approx(number, rel=1e-15)


@pytest.mark.parametrize("text", ["", "M", "1 000", "1,000", "3MB", "m", "5m"])
def test_texts_that_are_no_numbers(text):
    with pytest.raises(EncoderError, match="no number"):
        parse(text, "it", Range())


@pytest.mark.parametrize(
    ("number", "text"),
    [(12.9e9, "12.9B"), (999_600, "1M"), (20_000, "20K"), (512, "512"), (0.31, "0.31"), (0, "0")],
)
def test_numbers_as_they_are_shown(number, text):
    assert written(number) == text


def test_a_thousands_point_is_not_taken_for_a_decimal_one(tmp_path):
    path = tmp_path / "prices.yaml"
    path.write_text("annotation: 1.125\npassages: 10.000  # ten thousand?\n")
    with pytest.raises(EncoderError, match="line 2: passages is '10.000', which is 10 to some"):
        read_prices(path, {})
    path.write_text("annotation: 1.125\npassages: 0.500\n")
    assert read_prices(path, {}).given() == {"annotation": 1.125, "passages": 0.5}
