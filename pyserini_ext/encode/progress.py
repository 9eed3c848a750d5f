"""The progress bar of an encoding run."""

from types import TracebackType
from typing import Any, Self

from tqdm import tqdm


class LateBar:
    """A bar that appears with the first call of :meth:`update`: one bar at a time is enough.

    Until then the corpus scan or the loading of a large model may show theirs.

    Args:
        total: documents of the run.
        initial: documents that were done before.
        desc: what stands before the bar.
    """

    def __init__(self, total: int, initial: int, desc: str) -> None:
        self._total, self._initial, self._desc = total, initial, desc
        self._bar: Any = None

    def update(self, count: int) -> None:
        """Move the bar; 0 shows it."""
        if self._bar is None:
            self._bar = tqdm(total=self._total, initial=self._initial, desc=self._desc, unit="doc")
        self._bar.update(count)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()
