"""The output folder of a training run: whose it is, and what may be removed from it."""

import json
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from llm_encoders.data.prepare import STAMP
from llm_encoders.data.sources import DataSources, corpus_files, source_files
from llm_encoders.errors import UsageError
from llm_encoders.jobs.lock import LOCK_NAME
from llm_encoders.train.recipe.recipe import Recipe

SPENT = "spent.json"
"""Its presence is the sign that the run is finished."""
DATA = ".prepared"
"""Folder of the prepared data."""
BUILDING = ".finished"
"""Folder in which the finished encoder is written before it is moved to its place."""
SKIPPED, SKIPPED_EVALUATION = "skipped.txt", "skipped_evaluation.txt"
"""List faulty documents that ``data.on_error: skip`` has skipped."""
_RUN = "run.yaml"
_DATA_STAMP = ".data.json"
_FILES = ".files"
_OURS = {_RUN, f"{_RUN}.tmp", _DATA_STAMP, _FILES, DATA, f"{DATA}.tmp", BUILDING, LOCK_NAME}
_OURS |= {SKIPPED, SKIPPED_EVALUATION}
_CHECKPOINT = re.compile(r"checkpoint-\d+")


class RunFolder:
    """The output folder of a recipe.

    Raises:
        UsageError: it holds files of somebody else, or what the run begins with, or, unless
            ``overwrite``, another run that is finished or has come to a checkpoint.
    """

    def __init__(self, recipe: Recipe, overwrite: bool = False) -> None:
        self.recipe, self.overwrite = recipe, overwrite
        self.path = Path(recipe.output)
        self.data = self.path / DATA
        found = self._names()
        if _read_run(self.path / _RUN) is None and (found - _OURS or _RUN in found):
            raise UsageError(
                f"{self.path} holds other files, '{min(found - _OURS, default=_RUN)}' among "
                "them; name an empty folder."
            )
        self._require_inputs_elsewhere()
        self._require_same_recipe()

    def _require_inputs_elsewhere(self) -> None:
        """An adapter or backbone in the output would go with the run that made it."""
        output = self.path.resolve()
        for key in ("backbone", "start_from"):
            name = getattr(self.recipe, key)
            if name is not None and Path(name).is_dir():
                folder = Path(name).resolve()
                if folder == output or output in folder.parents:
                    raise UsageError(
                        f"{key} ({name}) lies in the output {self.path}, where this run would "
                        "overwrite it; name another output."
                    )

    def _names(self) -> set[str]:
        return {path.name for path in self.path.iterdir()} if self.path.exists() else set()

    def _require_same_recipe(self) -> None:
        known = _read_run(self.path / _RUN)
        if known is not None and not self.overwrite and self._names() - _OURS:
            differing = _differences(known, yaml.safe_load(self.recipe.to_yaml()))
            if differing:
                raise UsageError(
                    f"{self.path} holds a run of another recipe; it differs in "
                    f"{', '.join(differing)}. Name another output, or add --overwrite to begin "
                    "anew."
                )

    @property
    def finished(self) -> bool:
        """Whether this very run is finished and stays so."""
        return not self.overwrite and (self.path / _RUN).is_file() and (self.path / SPENT).is_file()

    def require_unchanged(self) -> None:
        """Refuse to take a finished encoder for what the recipe makes of the present files.

        Raises:
            UsageError: some of its files are gone, or training files have changed.
        """
        missing = [name for name in self.published() if not (self.path / name).is_file()]
        if missing or not self.published():
            raise UsageError(
                f"Of the finished encoder in {self.path}, {', '.join(missing) or _FILES} is "
                "missing; restore it, or add --overwrite to train anew."
            )
        stamp = self.path / _DATA_STAMP
        if not stamp.is_file():
            return
        prepared = json.loads(stamp.read_text(encoding="utf-8"))
        known, passages_alone = prepared["files"], prepared.get("corpus")
        if passages_alone is not None:
            present = corpus_files(passages_alone)
        else:
            present = source_files(DataSources(**prepared["sources"]))
        for name, *_ in [one for one in known + present if one not in known or one not in present]:
            raise UsageError(
                f"The encoder in {self.path} is finished, but {name} has changed since it was "
                "trained (size or modification time), has been added or is gone; name another "
                "output, or add --overwrite to train anew."
            )

    def _checkpoints(self) -> list[Path]:
        found = self.path.iterdir()
        return [path for path in found if path.is_dir() and _CHECKPOINT.fullmatch(path.name)]

    def claim(self) -> None:
        """Write down whose folder it is; what a run that is overwritten had written goes now."""
        self._require_same_recipe()  # again, under the lock: another run may have ended
        if self.overwrite:
            (self.path / SPENT).unlink(missing_ok=True)  # first: from here on nothing is finished
            for name in self.published():
                (self.path / name).unlink(missing_ok=True)
            (self.path / _FILES).unlink(missing_ok=True)
            shutil.rmtree(self.path / BUILDING, ignore_errors=True)
            for path in self._checkpoints():
                path.unlink() if path.is_symlink() else shutil.rmtree(path)
        temporary = self.path / f"{_RUN}.tmp"
        temporary.write_text(self.recipe.to_yaml(), encoding="utf-8")
        temporary.replace(self.path / _RUN)

    def published(self) -> list[str]:
        """Names of the files that the finished encoder consists of."""
        listing = self.path / _FILES
        return listing.read_text(encoding="utf-8").splitlines() if listing.is_file() else []

    def list_files(self, names: Iterable[str]) -> None:
        """Note the files that the finished encoder consists of, before they come."""
        (self.path / _FILES).write_text("".join(f"{name}\n" for name in names), encoding="utf-8")

    def require_same_data(self, resumed: bool) -> None:
        """Note what data a run begins with; refuse to go on with other data.

        Raises:
            UsageError: the training files have changed since the checkpoint was written.
        """
        stamp = (self.data / STAMP).read_text(encoding="utf-8")
        known = self.path / _DATA_STAMP
        if not resumed:
            known.write_text(stamp, encoding="utf-8")
        elif known.is_file() and known.read_text(encoding="utf-8") != stamp:
            raise UsageError(
                f"The training files have changed since the run in {self.path} began (size or "
                "modification time); restore them with their times, name another output, or add "
                "--overwrite to begin anew."
            )


def _read_run(path: Path) -> dict[str, Any] | None:
    """The recipe that a run noted, or ``None`` where there is none."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return None
    return values if isinstance(values, dict) and {"backbone", "output"} <= values.keys() else None


def _differences(one: Any, other: Any, path: str = "") -> list[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        found = []
        for key in sorted(one.keys() | other.keys()):
            found += _differences(one.get(key), other.get(key), f"{path}.{key}" if path else key)
        return found
    return [] if one == other else [path]
