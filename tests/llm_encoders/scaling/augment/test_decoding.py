"""Tokens are the likeliest, or drawn with their probabilities, whatever else is in the batch."""

import numpy as np
import pytest
import torch

from llm_encoders import EncoderError
from llm_encoders.scaling.augment.augmentation import Generation
from llm_encoders.scaling.augment.decoding import NextToken, first_line, uniforms

LOGITS = np.array([0.5, -1.0, 2.0, 1.0, -torch.inf, 0.0])
IDS = torch.zeros((1, 3), dtype=torch.int64)


def frequencies(**options):
    """How often each token is drawn by evenly spaced numbers."""
    count = 2000
    numbers = (np.arange(count)[:, None] + 0.5) / count
    step = NextToken(Generation("g", "{text}", **options), numbers)
    scores = torch.tensor(LOGITS, dtype=torch.float32).repeat(count, 1)
    left = step(IDS.repeat(count, 1), scores)
    assert (left.isfinite().sum(1) == 1).all()
    return np.bincount(left.argmax(1).numpy(), minlength=len(LOGITS)) / count


def softmax(logits):
    powers = np.exp(logits)
    return powers / powers.sum()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_drawn_with_their_probabilities(temperature):
    wanted = softmax(LOGITS / temperature)
    assert frequencies(temperature=temperature) == pytest.approx(wanted, abs=1e-3)


def test_top_k_draws_among_the_likeliest():
    wanted = softmax(np.where(LOGITS >= 1.0, LOGITS, -np.inf))
    assert frequencies(temperature=1.0, top_k=2) == pytest.approx(wanted, abs=1e-3)


def test_top_p_draws_among_the_fewest_that_sum_to_it():
    first, second = softmax(LOGITS)[[2, 3]]
    wanted = softmax(np.where(LOGITS >= 1.0, LOGITS, -np.inf))
    found = frequencies(temperature=1.0, top_p=float(first + second / 2))
    assert found == pytest.approx(wanted, abs=1e-3)


def test_each_position_has_its_own_number():
    step = NextToken(Generation("g", "{text}", temperature=1.0), np.array([[0.999, 0.0]]))
    scores = torch.zeros((1, 4))
    assert step(IDS, scores).argmax() == 3
    assert step(torch.zeros((1, 4), dtype=torch.int64), scores).argmax() == 0


def test_without_numbers_the_likeliest():
    step = NextToken(Generation("g", "{text}"), None)
    assert step(IDS, torch.tensor(LOGITS[None], dtype=torch.float32)).argmax() == 2


def test_nan_is_no_token():
    step = NextToken(Generation("g", "{text}"), None)
    with pytest.raises(EncoderError, match="NaN instead of a next token. Try --dtype float32"):
        step(IDS, torch.tensor([[0.0, float("nan")]]))


def test_numbers_depend_on_seed_and_passage_alone():
    generation = Generation("g", "{text}", query_tokens=5)
    one = uniforms(1, 7, generation, 3)
    assert one.shape == (3, 5) and one.min() >= 0 and one.max() < 1
    assert (one[:2] == uniforms(1, 7, generation, 2)).all()
    assert (one != uniforms(2, 7, generation, 3)).all()
    assert (one != uniforms(1, 8, generation, 3)).all()
    assert len(np.unique(one)) == 15


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("\n\n  what do  cats eat \nPassage: …", "what do cats eat"),
        ('"what do cats eat"\n', "what do cats eat"),
        ("“what”", "what"),
        ('the "cat"', 'the "cat"'),
        ('"', '"'),
        (" \n ", ""),
    ],
)
def test_the_query_is_the_first_line(text, wanted):
    assert first_line(text) == wanted
