"""Whatever a library raises while a model is loaded ends in one sentence."""

import pytest
import torch

from llm_encoders.checkpoints.loading_faults import faults_of_loading
from llm_encoders.errors import EncoderError, UsageError

FAULTS = {
    "files": (
        ValueError("a tensor\n  is cut off"),
        "m cannot be loaded as a teacher: a tensor is cut off",
    ),
    "long": (KeyError("key " * 1000), r"m cannot be loaded as a teacher: .{250,300} …$"),
    "memory": (
        torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate"),
        r"^m does not fit into memory: CUDA out of memory\. Try --dtype bfloat16",
    ),
}


@pytest.mark.parametrize(("fault", "sentence"), FAULTS.values(), ids=FAULTS)
def test_a_sentence(fault, sentence):
    with pytest.raises(EncoderError, match=sentence), faults_of_loading("m", "a teacher"):
        raise fault


def test_errors_of_ours_are_left_as_they_are():
    with pytest.raises(UsageError, match=r"^no such device$"), faults_of_loading("m", "a teacher"):
        raise UsageError("no such device")
