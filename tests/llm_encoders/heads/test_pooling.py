import pytest
import torch

from llm_encoders.heads.pooling import POOLING_FUNCTIONS, pool

STATES = torch.tensor([[[3.0, 4.0], [0.0, 2.0], [9.0, 9.0]], [[9.0, 9.0], [6.0, 8.0], [1.0, 0.0]]])
MASK = torch.tensor([[True, True, False], [False, True, True]])  # padded right, padded left


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mean", [[1.5, 3.0], [3.5, 4.0]]),
        ("mean-of-normalised", [[0.3, 0.9], [0.8, 0.4]]),
        ("weighted-mean", [[1.0, 8 / 3], [8 / 3, 8 / 3]]),  # weights 1 and 2
        ("max", [[3.0, 4.0], [6.0, 8.0]]),
        ("cls", [[3.0, 4.0], [6.0, 8.0]]),
        ("last", [[0.0, 2.0], [1.0, 0.0]]),
        ("eos", [[0.0, 2.0], [1.0, 0.0]]),
    ],
)
def test_pools_real_tokens_only(name, expected):
    torch.testing.assert_close(POOLING_FUNCTIONS[name](STATES, MASK), torch.tensor(expected))


def test_several_are_concatenated_in_their_order():
    expected = torch.tensor([[0.0, 2.0, 1.5, 3.0], [1.0, 0.0, 3.5, 4.0]])
    torch.testing.assert_close(pool("last+mean", STATES, MASK), expected)


@pytest.mark.parametrize("name", sorted(POOLING_FUNCTIONS))
def test_nothing_to_pool_gives_zero(name):
    pooled = POOLING_FUNCTIONS[name](STATES, torch.zeros_like(MASK))
    assert not pooled.any() and pooled.isfinite().all()
