"""What tells the files of a checkpoint from other files of the same names."""

from pathlib import Path

from llm_encoders.checkpoints.resolve import Checkpoint
from llm_encoders.jobs.fingerprint import file_fingerprints

_PATTERNS = ("*.safetensors", "*.json", "*.model", "vocab.txt", "*/config.json")


def folder_fingerprints(folder: Path) -> dict[str, str]:
    """Size and time of modification of a model's files, by their names inside the folder."""
    found = {path for pattern in _PATTERNS for path in folder.glob(pattern) if path.is_file()}
    fingerprints = file_fingerprints(sorted(found))
    return {
        str(Path(path).relative_to(folder)): fingerprint
        for path, fingerprint in fingerprints.items()
    }


def checkpoint_fingerprints(files: Checkpoint) -> dict[str, dict[str, str]]:
    """As :func:`folder_fingerprints`, of a backbone, adapter and tokenizer, where there are any."""
    folders = {
        "backbone": files.backbone,
        "adapter": files.adapter,
        "tokenizer": files.tokenizer,
    }
    return {
        name: folder_fingerprints(folder) for name, folder in folders.items() if folder is not None
    }
