"""Devices and number formats that exist, or a sentence."""

import pytest
import torch

from llm_encoders import UsageError
from llm_encoders.devices import choose_device, choose_dtype


@pytest.mark.parametrize("name", ["meta", "xpu", "xpu:0", "tpu", "", "cuda:x", "cpu:-1"])
def test_devices_that_nothing_can_be_computed_on(name):
    with pytest.raises(UsageError, match=f"Unknown device '{name}'"):
        choose_device(name)


def test_what_is_known():
    assert choose_device("cpu") == torch.device("cpu")
    with pytest.raises(UsageError, match="does not exist: PyTorch sees"):
        choose_device("cuda:99")
    assert choose_dtype("bf16", torch.device("cpu")) is torch.bfloat16
    with pytest.raises(UsageError, match="Unknown dtype 'int8'"):
        choose_dtype("int8", torch.device("cpu"))
