"""Fetching a checkpoint from the Hugging Face Hub: weights, JSON and tokenizer files only."""

import re
from collections.abc import Iterable
from pathlib import Path

from llm_encoders.config import CONFIG_NAME, ONNX, QUERY_ENCODERS, EncoderConfig
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.reading import read_json

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_SMALL = ["*.json", "*.model", "*.txt"]
_UNWANTED = ["original/*", "onnx/*", "openvino/*"]
_WEIGHTS = "*.safetensors"
_SUBFOLDERS = "*/*.safetensors"
_PYTORCH = "pytorch_model*.bin"
_ADAPTER = "adapter_model"


def looks_like_hub_id(name: str) -> bool:
    """Whether the name has the form ``organisation/repository``."""
    return _HUB_ID.fullmatch(name) is not None


def cached_file(repo_id: str, filename: str) -> Path | None:
    """Path of a file of the repository in the local cache, without touching the network."""
    from huggingface_hub import try_to_load_from_cache

    try:
        found = try_to_load_from_cache(repo_id, filename)
    except ValueError:  # no repository can have this name
        return None
    return Path(found) if isinstance(found, str) else None


def cached_folder(repo_id: str, filenames: Iterable[str]) -> Path | None:
    """The folder of the local cache that holds one of these files of the repository."""
    found = (cached_file(repo_id, name) for name in filenames)
    return next((path.parent for path in found if path is not None), None)


def local_folder(name: str, purpose: str) -> Path:
    """The folder that the user has named, or that of a Hub repository.

    Raises:
        UsageError: the name is neither.
        EncoderError: neither the cache nor the Hub has it.
    """
    if Path(name).is_dir():
        return Path(name)
    if looks_like_hub_id(name):
        return fetch(name, purpose, "A local folder works as well.")
    raise UsageError(f"{purpose}: '{name}' is neither a folder nor a Hub id.")


def fetch(
    repo_id: str, purpose: str, cure: str, revision: str | None = None, weights: bool = True
) -> Path:
    """Return the local folder of a Hub repository, downloading what is missing.

    Args:
        repo_id: ``organisation/repository``.
        purpose: what it is needed for, e.g. ``"adapter of llm-splade-8b"``; used in errors.
        cure: what the user can do instead; the end of the error message.
        revision: branch, tag or commit; default the repository's main branch.
        weights: whether they are needed, or configuration and tokenizer will do.

    Raises:
        EncoderError: neither the cache nor the Hub has it; says what was tried.
    """
    from huggingface_hub import constants, snapshot_download

    def download(allowed: list[str], ignored: list[str]) -> Path:
        return Path(
            snapshot_download(
                repo_id,
                revision=revision,
                allow_patterns=allowed,
                ignore_patterns=ignored,
                max_workers=4,
            )
        )

    try:
        folder = download(_SMALL + [_WEIGHTS] * weights, [*_UNWANTED, _SUBFOLDERS])
        if weights and (elsewhere := _weights_elsewhere(folder)):
            download(elsewhere, _UNWANTED)
    except Exception as error:  # the Hub client raises a dozen unrelated classes
        details = str(error).strip().splitlines() or ["no details"]
        reason = f"{type(error).__name__}: {details[0].rstrip('.')}."
        raise EncoderError(
            f"Cannot get {repo_id} ({purpose}). Tried the local cache {constants.HF_HUB_CACHE} and "
            f"then the Hugging Face Hub, which failed with {reason} {cure}"
        ) from error
    return folder


def _own_folders(folder: Path) -> list[str]:
    """Weights in the folders, and the graph, that a contract of ours names."""
    if not (folder / CONFIG_NAME).is_file():
        return []
    try:
        contract = EncoderConfig.load(folder)
    except EncoderError:  # loading the encoder says it
        return []
    named = [*contract.projections, *filter(None, [contract.vocabulary_head])]
    found = [f"{one}/{_WEIGHTS}" for one in named]
    if contract.query_encoder not in QUERY_ENCODERS:
        found += [f"{contract.query_encoder}/*{end}" for end in (".safetensors", ".bin")]
    return [*found, *(["*.onnx"] if contract.query_encoder == ONNX else [])]


def _weights_elsewhere(folder: Path) -> list[str]:
    """Weights that are no safetensors in the repository's root.

    They are in the folders that ``modules.json`` or a contract of ours names; or PyTorch has saved
    them, where there is nothing else.
    """
    modules = folder / "modules.json"
    found = _own_folders(folder)
    if modules.is_file():
        listed = read_json(modules)
        dense = (
            str(one.get("path"))
            for one in (listed if isinstance(listed, list) else [])
            if isinstance(one, dict) and str(one.get("type")).endswith(".Dense")
        )
        found += [f"{path}/{_WEIGHTS}" for path in dense]
    is_adapter = (folder / "adapter_config.json").is_file()
    if is_adapter and not (folder / f"{_ADAPTER}.safetensors").is_file():
        found.append(f"{_ADAPTER}.bin")
    if not is_adapter and not any(folder.glob(_WEIGHTS)):
        found.append(_PYTORCH)
    return found
