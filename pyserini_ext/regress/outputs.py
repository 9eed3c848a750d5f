"""Outputs of steps with a fingerprint beside each: what is whole and current is used again."""

import json
import shutil
from pathlib import Path
from typing import Any

from llm_encoders.errors import UsageError
from llm_encoders.jobs.atomic import write_atomically
from llm_encoders.jobs.fingerprint import checksum, describe, differences
from llm_encoders.reading import read_record
from pyserini_ext.conditions import Step
from pyserini_ext.folders.state import state_folder
from pyserini_ext.regress.fingerprints import files_below

_SUFFIX = ".fingerprint.json"
_PARTIAL = ".partial"
_RESUMABLE = "pyserini.encode"
_SMALL = 2**24  # bytes
LONG = 600
"""Seconds; an index that took longer is not made again unasked."""


def record_of(output: Path) -> Path:
    """Where the record of an output is: beside it."""
    return output.with_name(output.name + _SUFFIX)


def require_ours(output: Path) -> None:
    """Refuse to touch what no step has written.

    Raises:
        UsageError: the output is there, and no record of it.
    """
    if output.exists() and not record_of(output).exists():
        raise UsageError(
            f"{output} is there, but no record of its making. Move it away, or name another folder "
            "with --output."
        )


class StepOutput:
    """The file or folder that a step writes, and its record.

    Args:
        folder: where the step runs.
        step: the step.
        fingerprint: what its output depends on.
    """

    def __init__(self, folder: Path, step: Step, fingerprint: dict[str, Any]) -> None:
        self.path = folder / step.output
        self._step, self._fingerprint = step, fingerprint
        self._record = record_of(self.path)
        self._partial = self.path.with_name(self.path.name + _PARTIAL)

    @property
    def writing(self) -> Step:
        """The step as it is run: a run is written under another name first."""
        if not self._step.writes_file:
            return self._step
        option = self._step.output_option
        return self._step.with_value(option, f"{self._step.output}{_PARTIAL}")

    def why_not(self, use_stale: bool | None = None) -> str | None:
        """Why the output that is there cannot be used; ``None`` if it can, ``""`` if none is there.

        Args:
            use_stale: what becomes of an index that was made by other code or versions: whether it
                is used. ``None`` refuses one that took long to make.

        Raises:
            UsageError: something is there that no step has written; or see ``use_stale``.
        """
        require_ours(self.path)
        if not self.path.exists():
            return ""
        record = read_record(self._record)
        if "files" not in record:
            return "it was not finished"
        if record["files"] != self._files():
            return "it was changed, or cut short, after it was written"
        changed = differences(record.get("fingerprint", {}), self._fingerprint)
        if not changed:
            return None
        stale = not self._step.writes_file and all(_of_code(one.key) for one in changed)
        if stale and use_stale:
            return None
        if stale and use_stale is None and self.seconds > LONG:
            raise UsageError(
                f"{self.path} took {self.seconds / 3600:.1f} hours to make, by other code or "
                f"versions: {describe(changed, 2)}. Add --stale-indexes use to use it as it is, or "
                "--stale-indexes renew to make it again."
            )
        return f"it was made otherwise: {describe(changed, 2)}"

    @property
    def seconds(self) -> float:
        """How long the step that made it took."""
        return float(read_record(self._record).get("seconds", 0))

    @property
    def made_from(self) -> dict[str, Any]:
        """The fingerprint that is recorded."""
        return dict(read_record(self._record)["fingerprint"])

    @property
    def resumable(self) -> bool:
        """Whether this very step was begun, and can be resumed."""
        known = read_record(self._record)
        same = "fingerprint" in known and not differences(known["fingerprint"], self._fingerprint)
        return same and "files" not in known and self._step.module == _RESUMABLE

    def begin(self) -> None:
        """Remove what cannot be resumed, and note which step begins."""
        if not self.resumable:
            _remove(self.path)
            if self._step.module == _RESUMABLE:
                _remove(state_folder(self.path))
        _remove(self._partial)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._note({})

    def finish(self, seconds: float) -> None:
        """Give a run its name, and note that the output is whole.

        Raises:
            FileNotFoundError: the step has not written it.
            ValueError: the step has written nothing into it.
        """
        if self._step.writes_file:
            if not self._partial.stat().st_size:
                raise ValueError
            self._partial.replace(self.path)
        self.path.stat()
        self._note({"files": self._files(), "seconds": round(seconds, 3)})

    def _note(self, more: dict[str, Any]) -> None:
        record = {"fingerprint": self._fingerprint, **more}
        write_atomically(self._record, json.dumps(record, indent=1) + "\n")

    def _files(self) -> dict[str, str | int]:
        """The digest of a run; of a folder, which may be hundreds of GB, digests of small files.

        Of larger files the size.
        """
        if self._step.writes_file:
            return {self.path.name: checksum(self.path)}
        found: dict[str, str | int] = {}
        for path in files_below(self.path):
            size = path.stat().st_size
            name = str(path.relative_to(self.path))
            found[name] = size if size > _SMALL else checksum(path)
        return found


def _of_code(key: str) -> bool:
    return key.startswith("versions ") or key == "before"


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
