"""Checkpoint folders: how a run is resumed. They count only once they are whole.

What they hold is :mod:`llm_encoders.train.training_state`.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path

from llm_encoders.errors import EncoderError
from llm_encoders.jobs.atomic import write_atomically
from llm_encoders.jobs.fingerprint import checksum
from llm_encoders.jobs.removal import remove_recorded
from llm_encoders.reading import read_text

RECORD = ".checkpoints"
"""Lists the checkpoint folders that a run has made; others are never removed."""
_NAME = re.compile(r"checkpoint-(\d{1,10})")
_SEAL = "complete.json"


def folder_of(output: Path, step: int) -> Path:
    """The checkpoint folder of an optimiser step."""
    return output / f"checkpoint-{step}"


def record(output: Path, step: int) -> None:
    """Note a checkpoint folder as the run's own, before it is made.

    Raises:
        EncoderError: something of that name is there, and it is not the run's.
    """
    folder, names = folder_of(output, step), _recorded(output)
    if folder.name in names:
        return
    if folder.exists() or folder.is_symlink():
        raise EncoderError(
            f"{folder} is there already and was not made by this run. Move it elsewhere, and give "
            "the same command again to resume."
        )
    write_atomically(output / RECORD, "".join(f"{name}\n" for name in [*names, folder.name]))


def _recorded(output: Path) -> list[str]:
    path = output / RECORD
    return read_text(path).splitlines() if path.is_file() else []


def _present(output: Path) -> dict[int, Path]:
    """Checkpoint folders that the run has made and that are there, by step."""
    found = {}
    for name in _recorded(output):
        match, path = _NAME.fullmatch(name), output / name
        if match and (path.exists() or path.is_symlink()):
            found[int(match[1])] = path
    return found


def _remove(output: Path, paths: Iterable[Path]) -> None:
    remove_recorded(output, [path.name for path in paths], output / RECORD)


def remove_all(output: Path) -> None:
    """Remove all checkpoint folders that the run has made; links are removed, not followed."""
    _remove(output, _present(output).values())
    (output / RECORD).unlink(missing_ok=True)


def rotate(output: Path, keep: int, best: int | None) -> None:
    """Remove the oldest checkpoint folders.

    Args:
        output: of the run.
        keep: how many stay, besides the best.
        best: the step of the best checkpoint, which stays, if there is one.
    """
    steps = sorted(_present(output))
    removable = [step for step in steps[:-1] if step != best]
    excess = len(steps) - keep - (best is not None)
    _remove(output, [folder_of(output, step) for step in removable[: max(0, excess)]])


def seal(folder: Path) -> None:
    """Record every file of a checkpoint with its checksum; without that it does not count."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != _SEAL)
    sums = {str(path.relative_to(folder)): checksum(path) for path in files}
    write_atomically(folder / _SEAL, json.dumps(sums))


def is_whole(folder: Path) -> bool:
    """Whether a checkpoint was sealed and its files are what they were then.

    Raises:
        OSError: a file is there but cannot be read, which says nothing of the checkpoint.
    """
    try:
        sums = json.loads((folder / _SEAL).read_text(encoding="utf-8"))
        return all(checksum(folder / name) == known for name, known in sums.items())
    except (AttributeError, FileNotFoundError, IsADirectoryError, NotADirectoryError, ValueError):
        return False


def last_whole(output: Path) -> Path | None:
    """The last whole checkpoint; later ones that are not whole are removed.

    For one process to call: :func:`llm_encoders.train.gather.from_first` tells the others.

    Raises:
        OSError: a checkpoint cannot be read; none is removed for that.
        EncoderError: one is a file, or a link that leads nowhere.
    """
    for _, folder in sorted(_present(output).items(), reverse=True):
        if not folder.is_dir():
            raise EncoderError(
                f"{folder} should be a checkpoint folder, but is a file or a link that leads "
                "nowhere. Remove it, and give the same command again to resume."
            )
        if is_whole(folder):
            return folder
        print(f"{folder} was interrupted or damaged; resuming from the one before.")
        _remove(output, [folder])
    return None


def require_whole(folder: Path) -> None:
    """Refuse a checkpoint whose files have changed since they were written.

    Raises:
        EncoderError: names it.
    """
    if not is_whole(folder):
        raise EncoderError(
            f"The checkpoint {folder} is damaged; restore it, or add --overwrite to start again."
        )
