"""The files of a plan: refused before the work where one would destroy something."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.jobs.outputs import require_writable
from llm_encoders.jobs.removal import require_apart
from llm_encoders.reading import read_record, read_text
from llm_encoders.scaling.plan import plot
from llm_encoders.scaling.plan.curves import COLUMNS
from llm_encoders.scaling.plan.report import FORMAT

JSON, CURVES, PLOT = "--json", "--curves", "--plot"


def require_outputs(files: Mapping[str, Path | None], inputs: Sequence[Path | str | None]) -> None:
    """Refuse outputs that cannot be written, or that stand where something else does.

    Args:
        files: by option: :data:`JSON`, :data:`CURVES`, :data:`PLOT`.
        inputs: what is read.

    Raises:
        EncoderError: names the option and the file.
    """
    given = {option: path for option, path in files.items() if path is not None}
    seen: dict[Path, str] = {}
    for option, path in given.items():
        if (other := seen.setdefault(path.resolve(), option)) != option:
            raise UsageError(f"{other} and {option} name the same file, {path}. Name two.")
        require_apart(path, inputs)
        require_writable(path, option)
    for option, path in given.items():
        if option == PLOT:
            plot.check(path)
        elif path.exists() and not _is_ours(option, path):
            kind = "plan" if option == JSON else "table of curves"
            raise UsageError(
                f"{option} {path} exists and is no {kind}. Name another file, or remove it."
            )


def _is_ours(option: str, path: Path) -> bool:
    """Whether an earlier plan has written the file."""
    if option == JSON:
        return read_record(path).get("format") == FORMAT
    try:
        return read_text(path).startswith(",".join(COLUMNS))
    except EncoderError:
        return False
