"""Good checkpoints, and copies of them with a fault that nothing reports by itself."""

import dataclasses
import json
import shutil

from safetensors.torch import load_file, save_file

from llm_encoders.checkpoints.resolve import resolve_spec
from llm_encoders.checks.examination import examine
from llm_encoders.checks.finding import FAULT
from llm_encoders.checks.subject import load_subject

QWEN = "Qwen/Qwen3-Embedding-0.6B"
E5 = "intfloat/e5-mistral-7b-instruct"
GEMMA = "google/embeddinggemma-300m"
SPLADE_CODE = "naver/splade-code-06B"
LION = "hzeng/Lion-SP-1B-llama3-marco-mntp"
LLM2VEC = "McGill-NLP/LLM2Vec-Meta-Llama-3-8B-Instruct-mntp-supervised"
REPLLAMA = "castorini/repllama-v1-7b-lora-passage"
PUBLISHED = (QWEN, E5, GEMMA, SPLADE_CODE, LION, LLM2VEC, f"{REPLLAMA},like={REPLLAMA}")
SHIPPED = ("llm-splade-tiny", "llm-dense-tiny")
# Relative to the folder of the miniatures. None says how it encodes, so the second part does.
GENUINE = (
    "../parity/adapter-sparse,like=lion",
    "../parity/adapter-dense,like=lion",
    "../models/stories260k,like=lion,paradigm=sparse",
    "../models/stories260k,like=lion,paradigm=dense",
    "../models/babyllama105,like=lion,paradigm=sparse",
    "../models/babyllama105,like=lion,paradigm=dense",
)


def faults(name, layers=None):
    """The findings that are faults, by check."""
    found = examine(load_subject(str(name), layers))
    return {finding.check: finding for finding in found if finding.verdict == FAULT}


def copied(folder, target):
    """A copy of a checkpoint that can be written."""
    shutil.copytree(folder, target, copy_function=shutil.copyfile)
    for path in (target, *target.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return target


def with_contract(name, target, **changes):
    """A copy of a checkpoint with its contract, changed, written beside its files."""
    files, _ = resolve_spec(name)
    copied(files.folder, target)
    dataclasses.replace(files.contract, **changes).save(target)
    return target


def changed_settings(folder, **changes):
    """Change the settings of a tokenizer, in both files where both have them."""
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        values = json.loads((folder / name).read_text(encoding="utf-8"))
        if name == "tokenizer_config.json" or values.keys() & changes.keys():
            (folder / name).write_text(json.dumps(values | changes))


def changed_weights(path, change):
    """Put other tensors in place of a file's: ``change(name, tensor)``."""
    tensors = {name: change(name, tensor).contiguous() for name, tensor in load_file(path).items()}
    save_file(tensors, path, metadata={"format": "pt"})
