"""What a layout says of a checkpoint: a contract, and the file behind each of its values."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llm_encoders.config import EncoderConfig


@dataclass(frozen=True)
class Derived:
    """A contract that was read from a publisher's files."""

    layout: str
    """Name of the layout, as in a preset."""
    contract: EncoderConfig
    sources: dict[str, str]
    """The file, relative to the checkpoint's folder, behind the values of each key."""
    assumed: frozenset[str] = frozenset()
    """Keys that no file has; their values are the defaults of the publisher's package."""

    def __str__(self) -> str:
        """One line: what was derived, and from what."""
        values = {key: getattr(self.contract, key) for key in self.sources}
        files: dict[str, list[str]] = {}
        for key, file in self.sources.items():
            behind = f"{file} does not say" if key in self.assumed else file
            files.setdefault(behind, []).append(f"{key}={_shown(values[key])}")
        parts = [f"{', '.join(words)} ({file})" for file, words in files.items()]
        return (
            f"{self.contract.paradigm} encoder in the layout of {self.layout}: {'; '.join(parts)}"
        )


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return "+".join(map(str, value)) or "none"
    is_word = not isinstance(value, str) or value.split() == [value]
    return str(value) if is_word else repr(value)


@dataclass
class SourcedValues:
    """Values of a contract, collected with the files that they come from."""

    values: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)

    def add(self, file: str, **values: Any) -> None:
        """Note what a file says."""
        for key, value in values.items():
            self.values[key], self.sources[key] = value, file

    def contract(self, folder: Path) -> EncoderConfig:
        """The contract of all values.

        Raises:
            UsageError: a value is of the wrong kind, or two contradict each other.
        """
        return EncoderConfig.from_dict(self.values, f"{folder}: its files do not make a contract")
