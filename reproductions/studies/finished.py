"""The commands of a study that ended well, with when, so that none is run again for nothing."""

import datetime
import json
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import Lock

from llm_encoders.jobs.atomic import write_atomically
from llm_encoders.reading import read_object

_LOCK = Lock()


class Finished:
    """Reads and writes the file of commands.

    Args:
        path: JSON, an object of commands with dates; need not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def holds(self, words: Sequence[str], after: Iterable[Sequence[str]] = ()) -> bool:
        """Whether a command has ended, and later than those whose output it reads.

        Args:
            words: the command.
            after: commands that it depends on; one that is not in the file counts as old.
        """
        dates = self._read()
        ended = dates.get(shlex.join(words))
        return ended is not None and all(dates.get(shlex.join(one), "") <= ended for one in after)

    def note(self, words: Sequence[str]) -> None:
        """A command has ended well, now."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")
        with _LOCK:  # commands of a study may end at the same time
            noted = {**self._read(), shlex.join(words): now}
            write_atomically(self._path, json.dumps(noted, indent=1) + "\n")

    def _read(self) -> dict[str, str]:
        return dict(read_object(self._path)) if self._path.exists() else {}
