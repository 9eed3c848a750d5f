"""What the vectors of an encoder depend on, as values that can be compared."""

import dataclasses
from pathlib import Path
from typing import Any

from llm_encoders.checkpoints.resolve import Checkpoint
from llm_encoders.checkpoints.two_sides import passage_identity
from llm_encoders.devices import choose_device, choose_dtype, dtype_name, or_cpu
from llm_encoders.errors import EncoderError
from llm_encoders.heads.projection import projection_sizes
from llm_encoders.heads.term_head import read_terms
from llm_encoders.jobs.fingerprint import checksum
from llm_encoders.spec import parse_spec
from pyserini_ext.encode.options import EncodeOptions

_PATTERNS = (
    *("*.safetensors", "*.bin", "*.onnx", "config.json", "adapter_config.json", "terms.json"),
    *("tokenizer*", "*.model"),
)


def encoder_fingerprint(files: Checkpoint, options: EncodeOptions) -> dict[str, Any]:
    """Contract, weights, number format and everything else that changes a vector.

    Args:
        files: of the encoder.
        options: of the command, with the number format of :func:`settled_dtype`.
    """
    _, written = parse_spec(options.encoder)
    quantization = options.quantization or written.get("quantization")
    fingerprint = checkpoint_fingerprint(files) | {
        "dtype": options.dtype,
        "quantization": quantization,
        "prefix": options.prefix,
        "max length": options.max_length,
        "add sep": options.add_sep,
        "batch tokens": options.batch_tokens,
        "compile": options.compile,
    }
    if files.contract.paradigm == "dense":
        fingerprint["dimension"] = _dimension(files)
    return fingerprint


def checkpoint_fingerprint(files: Checkpoint) -> dict[str, Any]:
    """Contract, and checksums of weights and tokenizer; of two towers, those of the passages."""
    fingerprint = {
        "contract": dataclasses.asdict(files.contract),
        "backbone": _files(files.backbone),
        "adapter": _files(files.adapter) if files.adapter else None,
        "adapters below": [_files(adapter) for adapter in files.below],
        "projections": [_files(files.folder / name) for name in files.contract.projections],
    }
    if files.contract.vocabulary_head is not None:
        fingerprint["vocabulary head"] = _files(files.folder / files.contract.vocabulary_head)
    if files.tokenizer is not None:
        fingerprint["tokenizer"] = _files(files.tokenizer)
    return fingerprint


def settled_dtype(options: EncodeOptions) -> str:
    """The number format of the whole run, chosen once and handed on to all that encode.

    The one that is named; else the one that suits the device, which is that of the actors where
    Ray runs them: the machine that starts them may have no GPU.
    """
    _, written = parse_spec(options.encoder)
    dtype = "float16" if options.fp16 else options.dtype or written.get("dtype")
    if dtype is None and options.engine == "ray":
        from pyserini_ext.encode.ray_engine import dtype_of_actors

        return dtype_of_actors(options)
    device = choose_device(or_cpu(options.named_device))
    return dtype_name(choose_dtype(dtype, device))


def vocabulary_of(files: Checkpoint) -> list[str]:
    """The index terms of a sparse encoder, without loading the weights."""
    if files.contract.vocabulary_head is not None:
        return read_terms(files.folder / files.contract.vocabulary_head)
    from llm_encoders.checkpoints.tokenizer import load_tokenizer
    from llm_encoders.encoding.terms import vocabulary_terms

    return vocabulary_terms(load_tokenizer(files), _text_config(files).vocab_size)


def describe_encoder(files: Checkpoint, options: EncodeOptions) -> dict[str, Any]:
    """What a reader, and the search side, may want to know of the encoder behind an output."""
    derived = files.derived
    contract, weights = passage_identity(files)
    return {
        "name": options.encoder,
        "contract": dataclasses.asdict(contract),
        "weights": weights,
        "layout": derived and derived.layout,
        "read from": derived and derived.sources,
        "prefix in place of the contract's": options.prefix,
        "maximum length in place of the contract's": options.max_length,
    }


def _dimension(files: Checkpoint) -> int:
    """Length of a dense vector, without loading the weights."""
    contract = files.contract
    width = int(_text_config(files).hidden_size) * len(contract.pooling.split("+"))
    if contract.projections:
        width = projection_sizes(files.folder / contract.projections[-1])[1]
    return min(width, contract.dimension or width)


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
