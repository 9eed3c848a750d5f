"""What tells the files of a checkpoint from other files of the same names."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from llm_encoders.config import ONNX, EncoderConfig
from llm_encoders.jobs.fingerprint import file_fingerprints

if TYPE_CHECKING:
    from llm_encoders.checkpoints.resolve import Checkpoint

_PATTERNS = (
    *("*.safetensors", "*.bin", "*.onnx", "*.json", "*.model", "vocab.txt"),
    *("*/config.json", "*/model.safetensors", "*/terms.json"),  # of projections and other heads
)


def folder_fingerprints(folder: Path) -> dict[str, str]:
    """Size and time of modification of a model's files, by their names inside the folder."""
    found = {path for pattern in _PATTERNS for path in folder.glob(pattern) if path.is_file()}
    fingerprints = file_fingerprints(sorted(found))
    return {
        str(Path(path).relative_to(folder)): fingerprint
        for path, fingerprint in fingerprints.items()
    }


def checkpoint_fingerprints(files: "Checkpoint") -> dict[str, dict[str, str]]:
    """As :func:`folder_fingerprints`, of backbone, adapters, tokenizer and a query tower of its
    own, where there are any."""
    folders = {
        **{f"adapter below {i}": folder for i, folder in enumerate(files.below, 1)},
        "backbone": files.backbone,
        "adapter": files.adapter,
        "tokenizer": files.tokenizer,
    }
    found = {
        name: folder_fingerprints(folder) for name, folder in folders.items() if folder is not None
    }
    if files.query is not None:
        queries = checkpoint_fingerprints(files.query)
        found |= {f"query tower's {name}": values for name, values in queries.items()}
    return found


_BLOCK, _BLOCKS = 4096, 256
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin", "adapter_model.bin")


def weight_files(files: "Checkpoint") -> list[Path]:
    """All weights of a model as files: of backbone, adapters and the heads that its contract
    names. Of two towers they are the passage tower's."""
    return _weights_in((files.backbone, *files.below, files.adapter), files.folder, files.contract)


def _weights_in(models: Iterable[Path | None], folder: Path, contract: EncoderConfig) -> list[Path]:
    heads = (*contract.projections, *filter(None, [contract.vocabulary_head]))
    folders = (*models, *(folder / one for one in heads))
    patterns = ("*.onnx",) if contract.query_encoder == ONNX else _WEIGHTS
    found: list[Path] = []
    for one in folders:
        kinds = () if one is None else (sorted(one.glob(pattern)) for pattern in patterns)
        found += next((paths for paths in kinds if paths), [])
    return found


def weights_digest(files: "Checkpoint") -> str:
    """SHA-256 of samples of all weights: a model, wherever its folder lies, in a moment.

    Each file counts with its size and 256 blocks of 4 KiB, evenly spaced; its name does not. The
    same weights in another number format or in other shards have another digest. Of two towers it
    is that of the passage tower.
    """
    return _digest(weight_files(files))


def folder_weights_digest(folder: Path, contract: EncoderConfig) -> str | None:
    """:func:`weights_digest` of a whole model, lookup table or graph in its folder; ``None``
    where there are no weights.

    Args:
        folder: of an encoder that is no adapter.
        contract: that of the encoder.
    """
    found = _weights_in([folder], folder, contract)
    return _digest(found) if found else None


def _digest(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for one in paths:
        _add_samples(one, digest)
    return digest.hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of samples of a file, taken as by :func:`weights_digest`."""
    digest = hashlib.sha256()
    _add_samples(path, digest)
    return digest.hexdigest()


def _add_samples(path: Path, digest: "hashlib._Hash") -> None:
    size = path.stat().st_size
    digest.update(size.to_bytes(8, "big"))
    with path.open("rb") as file:
        if size <= _BLOCK * _BLOCKS:
            digest.update(file.read())
            return
        for number in range(_BLOCKS):
            file.seek((size - _BLOCK) * number // (_BLOCKS - 1))
            digest.update(file.read(_BLOCK))
