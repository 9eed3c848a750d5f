"""Files that a command is told to write: whether they can be, before the work that makes them."""

from contextlib import suppress
from pathlib import Path

from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.jobs.atomic import temporary_name


def require_writable(path: Path, option: str) -> None:
    """Refuse a file that cannot be written where it is asked for.

    Args:
        path: of the file, which need not exist; it is not touched.
        option: that named it, as ``--output``, for messages.

    Raises:
        UsageError: it is a folder or no ordinary file, or there is no folder for it.
        EncoderError: the folder cannot be written to.
    """
    if path.is_dir():
        raise UsageError(f"{option} {path} is a folder. Name a file in it.")
    if path.exists() and not path.is_file():
        raise UsageError(f"{option} {path} is no ordinary file. Name another.")
    if not path.parent.is_dir():
        raise UsageError(
            f"{option} {path}: there is no folder {path.parent}. Make it, or name another file."
        )
    trial = temporary_name(path)
    try:
        trial.touch()
    except OSError as error:
        raise EncoderError(
            f"{option} {path} cannot be written: {error.strerror}. Name another file."
        ) from None
    finally:
        with suppress(OSError):
            trial.unlink()
