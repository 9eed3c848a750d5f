"""BOS and EOS where the files of a tokenizer contradict each other."""

import json
import re
import shutil

import pytest

from llm_encoders import EncoderError
from llm_encoders.checkpoints.resolve import resolve_spec
from llm_encoders.checkpoints.tokenizer import check_special_tokens, load_tokenizer

GEMMA, QWEN = "google/embeddinggemma-300m", "Qwen/Qwen3-Embedding-0.6B"
E5 = "intfloat/e5-mistral-7b-instruct"


@pytest.fixture
def check(shared_data, tmp_path):
    """A function that changes keys of tokenizer_config.json, and checks."""

    def check(name, options="", **changes):
        folder = tmp_path / "copy"
        if not folder.exists():
            shutil.copytree(
                shared_data / "checkpoints" / name,
                folder,
                ignore=shutil.ignore_patterns("*.safetensors"),
                copy_function=shutil.copyfile,
            )
        path = folder / "tokenizer_config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
        checkpoint, _ = resolve_spec(f"{folder}{options}")
        check_special_tokens(load_tokenizer(checkpoint), checkpoint)

    return check


@pytest.mark.parametrize(
    ("name", "key", "value", "problem", "cure"),
    [
        (E5, "add_bos_token", False, "is false, but tokenizer.json adds BOS", "special_tokens=fal"),
        (GEMMA, "add_bos_token", False, "is false, but tokenizer.json adds BOS", "special_tokens="),
        (GEMMA, "add_eos_token", False, "is false, but tokenizer.json adds EOS", "take the token"),
        (QWEN, "add_eos_token", True, "asks for <|im_end|> .*puts <|endoftext|>", "append_eos=fal"),
    ],
)
def test_a_key_that_counts_in_one_version_of_transformers(check, name, key, value, problem, cure):
    check(name)
    match = f"tokenizer_config.json: {key} {problem.replace('|', '.')}.*{cure}"
    with pytest.raises(EncoderError, match=match) as caught:
        check(name, **{key: value})
    if "behind" in str(caught.value):
        check(name, re.findall(r",[a-z_]+=false", str(caught.value))[0])


def test_what_is_no_contradiction(check):
    """Qwen's tokenizer never looked at the keys; e5-mistral's EOS is appended by the contract."""
    check(QWEN, add_bos_token=True, add_eos_token=False)
