"""What tells the files of a checkpoint from other files of the same names."""

from pathlib import Path

from llm_encoders.checkpoints.resolve import Checkpoint
from llm_encoders.jobs.fingerprint import file_stamps

_PATTERNS = ("*.safetensors", "*.json", "*.model", "vocab.txt", "*/config.json")


def folder_stamps(folder: Path) -> dict[str, str]:
    """Size and time of modification of a model's files, by their names inside the folder."""
    found = {path for pattern in _PATTERNS for path in folder.glob(pattern) if path.is_file()}
    stamps = file_stamps(sorted(found))
    return {str(Path(path).relative_to(folder)): stamp for path, stamp in stamps.items()}


def checkpoint_stamps(files: Checkpoint) -> dict[str, dict[str, str]]:
    """As :func:`folder_stamps`, of a backbone and the adapter on it."""
    folders = {"backbone": files.backbone, "adapter": files.adapter}
    return {name: folder_stamps(folder) for name, folder in folders.items() if folder is not None}
