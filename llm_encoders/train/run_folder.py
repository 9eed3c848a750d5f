"""The output folder of a training run: whose it is, and what may be removed from it."""

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from llm_encoders.config import CONFIG_NAME
from llm_encoders.data.prepare import FINGERPRINT
from llm_encoders.data.sources import DataSources, corpus_files, source_files
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.jobs.atomic import write_atomically
from llm_encoders.jobs.fingerprint import differences, require_same
from llm_encoders.jobs.lock import LOCK_NAME
from llm_encoders.jobs.removal import recorded_paths, remove_recorded, require_apart
from llm_encoders.reading import parse_yaml, read_object, read_text
from llm_encoders.train import checkpoints

COST = "cost.json"
"""Its presence is the sign that the run is finished."""
RUN = "run.yaml"
"""The recipe with all its defaults."""
DATA = ".prepared"
"""Folder of the prepared data."""
BUILDING = ".finished"
"""Folder in which the finished encoder is written before it is moved to its place."""
SKIPPED, SKIPPED_EVALUATION = "skipped.txt", "skipped_evaluation.txt"
"""List faulty documents that ``data.on_error: skip`` has skipped."""
_DATA_FINGERPRINT = ".data.json"
_FILES = ".files"
_CURE = "Name another output, or add --overwrite to start again."


class RunFolder:
    """The output folder of a recipe.

    Raises:
        EncoderError: it is no folder, holds files of somebody else, or lies in, is, or holds an
            input; or, unless ``overwrite``, it holds another run that is finished or has come to a
            checkpoint.
    """

    keys = frozenset({"backbone", "output"})
    """Those of a recipe by which the record of such a run is known."""

    def __init__(self, recipe: Any, overwrite: bool = False) -> None:
        self.recipe, self.overwrite = recipe, overwrite
        self.path = Path(recipe.output)
        self.data = self.path / DATA
        if self.path.exists() and not self.path.is_dir():
            raise UsageError(f"The output {self.path} is a file; name a folder.")
        require_apart(self.path, self._inputs())
        others = self._others()
        if not (self.path / RUN).exists() and others:
            raise UsageError(
                f"{self.path} holds other files, '{min(others)}' among them; name an empty folder."
            )
        self._require_same_recipe()

    def _others(self) -> set[str]:
        """Names of what is in the folder besides the marks that every run makes."""
        ours = {RUN, _DATA_FINGERPRINT, _FILES, DATA, f"{DATA}.tmp", BUILDING, LOCK_NAME}
        ours |= {checkpoints.RECORD, SKIPPED, SKIPPED_EVALUATION}
        names = {path.name for path in self.path.iterdir()} if self.path.exists() else set()
        return {name for name in names - ours if not name.endswith(".partial")}

    def _require_same_recipe(self) -> None:
        record = self.path / RUN
        if not record.exists():
            return
        known = _read_run(record, self.keys)
        if not self.overwrite and self._others():
            require_same(
                known,
                yaml.safe_load(self.recipe.to_yaml()),
                f"{self.path} holds a run of another recipe",
                _CURE,
                separator=".",
            )

    @property
    def finished(self) -> bool:
        """Whether this very run is finished and stays so."""
        return not self.overwrite and (self.path / RUN).is_file() and (self.path / COST).is_file()

    def require_unchanged(self) -> None:
        """Refuse a finished encoder whose own files or training files have changed.

        Raises:
            UsageError: some of its files are gone, or training files have changed.
        """
        missing = [name for name in self.published() if not (self.path / name).is_file()]
        if missing or not self.published():
            raise UsageError(
                f"Of the finished encoder in {self.path}, {', '.join(missing) or _FILES} is "
                "missing; restore it, or add --overwrite to start again."
            )
        fingerprint = self.path / _DATA_FINGERPRINT
        if not fingerprint.is_file():
            return
        prepared = read_object(fingerprint)
        if changed := differences(prepared["files"], self._present_files(prepared)):
            raise UsageError(
                f"The encoder in {self.path} is finished, but {changed[0].key} has changed since "
                "it was trained (size or modification time), has been added or is gone. "
                f"{_CURE}"
            )

    def _inputs(self) -> list[str | None]:
        """What a run reads; names of the Hub are passed over where they are compared."""
        recipe = self.recipe
        collections = [] if recipe.evaluation is None else recipe.evaluation.collections
        return [
            *(recipe.backbone, recipe.start_from, recipe.data.train, recipe.data.corpus),
            *collections,
        ]

    def _present_files(self, prepared: dict[str, Any]) -> dict[str, str]:
        """Size and time of modification of the training files as they are now.

        Args:
            prepared: what the run noted of its data.
        """
        passages_alone = prepared.get("corpus")
        if passages_alone is not None:
            return corpus_files(passages_alone)
        return source_files(DataSources(**prepared["sources"]))

    def claim(self) -> None:
        """Write down whose folder it is; remove what an overwritten run had written."""
        self._require_same_recipe()  # again, under the lock: another run may have ended
        if self.overwrite:
            published = self.published()
            recorded_paths(self.path, published, self.path / _FILES)
            (self.path / COST).unlink(missing_ok=True)  # first: from here on nothing is finished
            remove_recorded(self.path, published, self.path / _FILES)
            (self.path / _FILES).unlink(missing_ok=True)
            shutil.rmtree(self.path / BUILDING, ignore_errors=True)
            checkpoints.remove_all(self.path)
        write_atomically(self.path / RUN, self.recipe.to_yaml())

    def begin(self) -> Path | None:
        """Make the folder this run's own.

        Returns:
            The checkpoint folder that the run is resumed from, if any.

        Raises:
            UsageError: the data have changed since that checkpoint was written.
        """
        self.claim()
        resume = checkpoints.last_whole(self.path)
        self.require_same_data(resume is not None)
        return resume

    def require_own(self) -> None:
        """Refuse to finish a run whose folder was removed or taken while it was going.

        Raises:
            EncoderError: its record is not there any more.
        """
        if not (self.path / RUN).is_file():
            raise EncoderError(
                f"{self.path / RUN} was removed while the run was going, so nothing was written. "
                "Give the same command again."
            )

    def published(self) -> list[str]:
        """Names of the files that the finished encoder consists of."""
        listing = self.path / _FILES
        return read_text(listing).splitlines() if listing.is_file() else []

    def list_files(self, names: Iterable[str]) -> None:
        """Note the files of the finished encoder before they are put in place."""
        write_atomically(self.path / _FILES, "".join(f"{name}\n" for name in names))

    def complete(self, cost: Mapping[str, float], log: Iterable[Mapping[str, Any]]) -> None:
        """Move what :data:`BUILDING` holds into place; the cost, which marks the end, comes last.

        Args:
            cost: ``steps``, ``tokens``, ``flops`` and ``seconds``.
            log: the lines of ``log.jsonl``.
        """
        building = self.path / BUILDING
        with (building / "log.jsonl").open("w", encoding="utf-8") as stream:
            stream.writelines(json.dumps(line) + "\n" for line in log)
        (building / COST).write_text(json.dumps(cost, indent=2) + "\n", encoding="utf-8")
        names = [path.relative_to(building) for path in building.rglob("*") if path.is_file()]
        names.sort(key=lambda name: (str(name) == COST, str(name) == CONFIG_NAME, str(name)))
        self.list_files(map(str, names))
        for name in names:
            (building / name).chmod(0o644)  # safetensors files are made for their owner alone
            (self.path / name).parent.mkdir(exist_ok=True)
            (building / name).replace(self.path / name)
        shutil.rmtree(building)
        print(
            f"{self.path}: {cost['steps']:,} steps, {cost['tokens']:,} tokens, "
            f"{cost['flops']:.3g} floating-point operations, {cost['seconds']:,.0f} seconds."
        )

    def require_same_data(self, resumed: bool) -> None:
        """Note what data a run begins with; refuse to resume with other data.

        Raises:
            UsageError: the training files have changed since the checkpoint was written.
        """
        fingerprint = read_text(self.data / FINGERPRINT)
        known = self.path / _DATA_FINGERPRINT
        if not resumed:
            write_atomically(known, fingerprint)
        elif known.is_file() and read_text(known) != fingerprint:
            raise UsageError(
                f"The training files have changed since the run in {self.path} began (size or "
                f"modification time). Restore them with their times. {_CURE}"
            )


def _read_run(path: Path, keys: frozenset[str]) -> dict[str, Any]:
    """The recipe that a run noted; it has these keys.

    Raises:
        EncoderError: it is empty or damaged, or no run wrote it.
    """
    values = None
    if path.is_file():
        values = parse_yaml(read_text(path), str(path))
    if not (isinstance(values, dict) and keys <= values.keys()):
        raise UsageError(
            f"{path} is not what a run writes there, or was emptied, so it is not known whose "
            f"files {path.parent} holds. Restore {path.name}, or name another output."
        )
    return values
