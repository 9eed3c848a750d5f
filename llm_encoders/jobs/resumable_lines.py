"""A file of JSON lines that grows as a stream and goes on where it was stopped."""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from llm_encoders.errors import UsageError


class ResumableLines:
    """Lines are appended to ``OUTPUT.partial``, which becomes ``OUTPUT`` when all are there.

    Args:
        output: the finished file.
        identity: what the lines depend on; a partial file of another identity is refused.
        overwrite: begin anew.

    Raises:
        UsageError: the output is there already, or a partial one of another identity.
    """

    def __init__(self, output: Path, identity: dict[str, Any], overwrite: bool = False) -> None:
        self.output = output
        self._partial = output.with_name(output.name + ".partial")
        self._identity = output.with_name(output.name + ".identity")
        begun = self._partial.is_file() and self._identity.is_file()
        if output.exists() and not overwrite and not begun:
            raise UsageError(f"{output} is there already; add --overwrite to write it anew.")
        self._content = json.dumps(identity, sort_keys=True)
        self.fresh = overwrite or not self._identity.is_file()
        """Whether the lines begin anew."""
        if not self.fresh:
            known = json.loads(self._identity.read_text(encoding="utf-8"))
            differing = [key for key in identity if known.get(key) != identity[key]]
            if differing:
                raise UsageError(
                    f"{self._partial} was begun with another {', '.join(differing)}; add "
                    "--overwrite to begin anew."
                )
        self.done = 0 if self.fresh else self._drop_broken_end()
        """Lines that are there."""

    def _drop_broken_end(self) -> int:
        if not self._partial.exists():
            return 0
        count = whole = 0
        with self._partial.open("rb") as stream:
            for line in stream:
                if not line.endswith(b"\n"):
                    break
                count, whole = count + 1, whole + len(line)
        os.truncate(self._partial, whole)
        return count

    def begin(self) -> None:
        """Note what the lines depend on; from here on the work can be resumed.

        Of what is overwritten, unfinished lines go now, an output stays until :meth:`finish`.
        """
        if self.fresh:
            self._identity.unlink(missing_ok=True)
            self.output.parent.mkdir(parents=True, exist_ok=True)
            self._partial.write_bytes(b"")
            building = self._identity.with_name(self._identity.name + ".tmp")
            building.write_text(self._content, encoding="utf-8")
            building.replace(self._identity)

    def write(self, windows: Iterable[list[dict[str, Any]]]) -> Iterator[int]:
        """Append the lines of each window; yields their number after each."""
        with self._partial.open("ab") as stream:
            for window in windows:
                for record in window:
                    stream.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")
                stream.flush()
                os.fsync(stream.fileno())
                yield len(window)

    def finish(self) -> None:
        """Give the file its name."""
        self._partial.touch()
        os.replace(self._partial, self.output)
        self._identity.unlink(missing_ok=True)
