"""The output folder of a training run: whose it is, and what may be removed from it."""

import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from llm_encoders.errors import UsageError
from llm_encoders.locking import LOCK_NAME
from llm_encoders.train.data.prepare import STAMP
from llm_encoders.train.recipe import Recipe

SPENT = "spent.json"
"""Its presence is the sign that the run is finished."""
DATA = ".prepared"
"""Folder of the prepared data."""
BUILDING = ".finished"
"""Folder in which the finished encoder is written before it is moved to its place."""
_RUN = "run.yaml"
_DATA_STAMP = ".data.json"
_FILES = ".files"
_OURS = {_RUN, _DATA_STAMP, _FILES, DATA, f"{DATA}.tmp", BUILDING, LOCK_NAME}
_CHECKPOINT = re.compile(r"checkpoint-\d+")


class RunFolder:
    """The output folder of a recipe.

    Raises:
        UsageError: it holds files of somebody else, or, unless ``overwrite``, another run that
            has come to a checkpoint.
    """

    def __init__(self, recipe: Recipe, overwrite: bool = False) -> None:
        self.recipe, self.overwrite = recipe, overwrite
        self.path = Path(recipe.output)
        self.data = self.path / DATA
        if not (self.path / _RUN).is_file():
            found = {path.name for path in self.path.iterdir()} if self.path.exists() else set()
            if found - _OURS:
                raise UsageError(
                    f"{self.path} holds other files, '{min(found - _OURS)}' among them; name an "
                    "empty folder."
                )
        elif not overwrite and (self.published() or self._checkpoints()):
            known = yaml.safe_load((self.path / _RUN).read_text(encoding="utf-8"))
            differing = _differences(known, yaml.safe_load(recipe.to_yaml()))
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

    def _checkpoints(self) -> list[Path]:
        found = self.path.iterdir()
        return [path for path in found if path.is_dir() and _CHECKPOINT.fullmatch(path.name)]

    def claim(self) -> None:
        """Write down whose folder it is; what a run that is overwritten had written goes now."""
        if self.overwrite:
            (self.path / SPENT).unlink(missing_ok=True)  # first: from here on nothing is finished
            for name in self.published():
                (self.path / name).unlink(missing_ok=True)
            (self.path / _FILES).unlink(missing_ok=True)
            for path in [self.path / BUILDING, *self._checkpoints()]:
                shutil.rmtree(path, ignore_errors=True)
        (self.path / _RUN).write_text(self.recipe.to_yaml(), encoding="utf-8")

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


def _differences(one: Any, other: Any, path: str = "") -> list[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        found = []
        for key in sorted(one.keys() | other.keys()):
            found += _differences(one.get(key), other.get(key), f"{path}.{key}" if path else key)
        return found
    return [] if one == other else [path]
