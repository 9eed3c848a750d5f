"""What a command may remove, and where it may write: never a user's own files."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from llm_encoders.errors import EncoderError, UsageError


def is_plain_name(name: object) -> bool:
    """Whether this names an entry of a folder, not a way out of it."""
    return (
        isinstance(name, str)
        and name not in ("", ".", "..")
        and not any(character in name for character in "/\\\0")
    )


def _is_inside(folder: Path, name: object) -> bool:
    """Whether a name, in which ``/`` parts folders, leads to a place below a folder."""
    *folders, last = name.split("/") if isinstance(name, str) else [""]
    inner = [folder.joinpath(*folders[: count + 1]) for count in range(len(folders))]
    return all(map(is_plain_name, (*folders, last))) and not any(p.is_symlink() for p in inner)


def recorded_paths(folder: Path, names: Iterable[object], record: Path) -> list[Path]:
    """What a run's own record lists: entries of a folder, or of folders inside, as ``query/x``.

    Raises:
        EncoderError: a name leads out of the folder, so the record is not to be trusted.
    """
    paths = []
    for name in names:
        if not _is_inside(folder, name):
            raise EncoderError(
                f"{record} lists {name!r}, which is no name of a file in {folder}; nothing was "
                "removed. Remove the record if you do not know who wrote it."
            )
        paths.append(folder / str(name))
    return paths


def remove_recorded(folder: Path, names: Iterable[object], record: Path) -> None:
    """Remove what a run's own record lists, and nothing else.

    All names are checked before the first file goes. Links are removed, not followed. A folder
    inside goes with the last of its files.

    Args:
        folder: of the output.
        names: of its files and folders, as the record has them; those that are gone are skipped.
        record: the file that lists them, for messages.

    Raises:
        EncoderError: as :func:`recorded_paths`.
    """
    for path in recorded_paths(folder, names, record):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        if path.parent != folder and path.parent.is_dir() and not any(path.parent.iterdir()):
            path.parent.rmdir()


def require_apart(
    output: str | Path, inputs: Iterable[str | Path | None], what: str = "output"
) -> None:
    """Refuse an output that is an input, lies inside one, or has one inside.

    Call it before anything is touched. Inputs that are no local paths (names of encoders, ``hf:…``,
    ``None``) are passed over. Files are compared as the file system knows them, so links and
    different spellings of a name do not matter.

    Args:
        output: the file or folder that is written.
        inputs: files and folders that are read.
        what: the word for ``output`` in messages.

    Raises:
        UsageError: names both.
    """
    target = Path(output)
    for name in inputs:
        if name is None or not os.path.exists(name):
            continue
        source = Path(name)
        if _same(target, source):
            relation = "is an input; reading and writing it at once would destroy it"
        elif _inside(target, source):
            relation = f"lies inside the input {source}"
        elif _inside(source, target):
            relation = f"has the input {source} inside"
        else:
            continue
        raise UsageError(f"The {what} {target} {relation}. Name another {what}.")


def _same(one: Path, other: Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def _inside(inner: Path, outer: Path) -> bool:
    """Whether a path, which need not exist, lies below a folder."""
    return outer.is_dir() and any(_same(parent, outer) for parent in inner.resolve().parents)
