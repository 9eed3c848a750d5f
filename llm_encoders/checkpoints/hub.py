"""Fetching a checkpoint from the Hugging Face Hub: safetensors, JSON and tokenizer files only."""

import re
from pathlib import Path

from llm_encoders.errors import EncoderError, UsageError

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_WANTED = ["*.json", "*.safetensors", "*.model", "*.txt"]
_UNWANTED = ["original/*", "onnx/*", "*/*.safetensors"]


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


def fetch(repo_id: str, purpose: str, cure: str, revision: str | None = None) -> Path:
    """Return the local folder of a Hub repository, downloading what is missing.

    Args:
        repo_id: ``organisation/repository``.
        purpose: what it is needed for, e.g. ``"adapter of llm-splade-8b"``; used in errors.
        cure: what the user can do instead; the end of the error message.
        revision: branch, tag or commit; default the repository's main branch.

    Raises:
        EncoderError: neither the cache nor the Hub has it; says what was tried.
    """
    from huggingface_hub import constants, snapshot_download

    try:
        folder = snapshot_download(
            repo_id,
            revision=revision,
            allow_patterns=_WANTED,
            ignore_patterns=_UNWANTED,
            max_workers=4,
        )
    except Exception as error:  # the Hub client raises a dozen unrelated classes
        details = str(error).strip().splitlines() or ["no details"]
        reason = f"{type(error).__name__}: {details[0].rstrip('.')}."
        raise EncoderError(
            f"Cannot get {repo_id} ({purpose}). Tried the local cache {constants.HF_HUB_CACHE} and "
            f"then the Hugging Face Hub, which failed with {reason} {cure}"
        ) from error
    return Path(folder)
