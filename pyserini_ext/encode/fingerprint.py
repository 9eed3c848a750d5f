"""What the vectors of an encoder depend on, as values that can be compared."""

import dataclasses
from pathlib import Path
from typing import Any

from llm_encoders import registry
from llm_encoders.checkpoints.resolve import Checkpoint
from llm_encoders.devices import choose_device, choose_dtype, or_cpu
from llm_encoders.errors import EncoderError
from pyserini_ext.encode.options import EncodeOptions
from pyserini_ext.folders.manifest import checksum

_PATTERNS = ("*.safetensors", "config.json", "adapter_config.json", "tokenizer*", "*.model")


def encoder_fingerprint(files: Checkpoint, options: EncodeOptions) -> dict[str, Any]:
    """Contract, weights, number format and everything else that changes a vector."""
    _, written = registry.parse_spec(options.encoder)
    device = choose_device(or_cpu(options.named_device))
    dtype = "float16" if options.fp16 else options.dtype or written.get("dtype")
    quantization = options.quantization or written.get("quantization")
    fingerprint = {
        "contract": dataclasses.asdict(files.contract),
        "backbone": _files(files.backbone),
        "adapter": _files(files.adapter) if files.adapter else None,
        "dtype": str(choose_dtype(dtype, device)).removeprefix("torch."),
        "quantization": quantization,
        "prefix": options.prefix,
        "max length": options.max_length,
        "add sep": options.add_sep,
        "batch tokens": options.batch_tokens,
        "compile": options.compile,
    }
    if files.contract.paradigm == "dense":
        fingerprint["dimension"] = int(_text_config(files).hidden_size)
    return fingerprint


def vocabulary_of(files: Checkpoint) -> list[str]:
    """The index terms of a sparse encoder, without loading the weights."""
    from llm_encoders.checkpoints.backbone import load_tokenizer
    from llm_encoders.encoding.terms import vocabulary_terms

    return vocabulary_terms(load_tokenizer(files), _text_config(files).vocab_size)


def _files(folder: Path) -> dict[str, str]:
    found = {path for pattern in _PATTERNS for path in folder.glob(pattern) if path.is_file()}
    return {path.name: checksum(path) for path in sorted(found)}


def _text_config(files: Checkpoint) -> Any:
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(
            files.backbone, local_files_only=True, trust_remote_code=False
        )
    except Exception as error:  # a configuration can be wrong in a dozen ways
        reason = " ".join(str(error).split())
        raise EncoderError(f"Cannot read {files.backbone}/config.json: {reason}") from error
    return config.get_text_config()
