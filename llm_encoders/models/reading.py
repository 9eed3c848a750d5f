"""The contract of a folder or Hub repository, with the file behind each value."""

from dataclasses import dataclass
from pathlib import Path

from llm_encoders import registry
from llm_encoders.checkpoints import resolve
from llm_encoders.checkpoints.contract_options import concerns
from llm_encoders.config import CONFIG_NAME, EncoderConfig
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.jobs.atomic import write_atomically
from llm_encoders.models.contract import KEYS, shown
from llm_encoders.reading import read_object

_DEFAULT = "default"


@dataclass(frozen=True)
class Reading:
    """What a checkpoint's files say of how it encodes."""

    name: str
    folder: Path
    layout: str
    contract: EncoderConfig
    sources: dict[str, str]
    """What stands behind each key; a file is relative to the folder."""

    def table(self) -> str:
        """One key a line: value, and what stands behind it."""
        head = [f"{self.name} in {self.folder}", f"layout: {self.layout}", ""]
        keys = [key for key in KEYS if concerns(key, self.contract.paradigm)]
        rows = [
            (key, shown(getattr(self.contract, key)), self.sources.get(key, _DEFAULT))
            for key in keys
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(2)]
        return "\n".join(
            head + [f"{k:<{widths[0]}}  {v:<{widths[1]}}  {source}" for k, v, source in rows]
        )

    def write(self, path: Path, overwrite: bool) -> Path:
        """Write the contract.

        Args:
            path: a folder, for its ``encoder_config.json``, or a file.
            overwrite: whether a file that exists is replaced.

        Returns:
            The file.

        Raises:
            UsageError: the file exists, or its folder does not.
        """
        place = path / CONFIG_NAME if path.is_dir() else path
        if place.exists() and not overwrite:
            raise UsageError(f"{place} exists; give --overwrite to replace it.")
        if not place.parent.is_dir():
            raise UsageError(f"{place.parent} is no folder; make it first.")
        try:
            write_atomically(place, self.contract.text())
        except OSError as error:
            raise EncoderError(f"{place}: {error.strerror}.") from None
        return place


def read(spec: str) -> Reading:
    """Read the files of a folder or Hub repository; of the latter, no weights are fetched.

    Raises:
        UsageError: the name is unknown, or the files do not settle a contract.
        EncoderError: the files cannot be had or are damaged.
    """
    name, written = registry.parse_spec(spec)
    folder, preset = resolve.files_of(name, weights=False)
    known = (CONFIG_NAME, *registry.CHECKPOINT_FILES)
    if not any((folder / file).is_file() for file in known):
        raise resolve.no_model(folder, name)
    like, changes = written.get("like"), resolve.written_changes(written)
    contract, derived = resolve.contract_of(
        name, folder, preset, written.get("paradigm"), like, changes
    )
    layout, sources = "this package", {}
    if (folder / CONFIG_NAME).is_file():
        sources = dict.fromkeys(read_object(folder / CONFIG_NAME), CONFIG_NAME)
    elif like is not None:
        layout, sources = f"none that is read; like={like}", dict.fromkeys(KEYS, f"like={like}")
    else:
        if derived is not None:
            layout = derived.layout
            sources = {
                key: f"{file}, which does not say" if key in derived.assumed else file
                for key, file in derived.sources.items()
            }
        if preset is not None:
            keys = KEYS if preset.layout is None else preset.written
            sources |= dict.fromkeys(keys, f"the preset {preset.name}")
    return Reading(name, folder, layout, contract, sources | dict.fromkeys(changes, "given"))
