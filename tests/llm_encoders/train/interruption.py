"""A training run that is stopped between two steps."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def interrupted(trainer: type, monkeypatch: pytest.MonkeyPatch, after: int = 3) -> Iterator[None]:
    """Trainers of this class end by Ctrl-C once they have done so many steps; they must."""
    step = trainer.training_step

    def or_stop(self, *arguments):
        if self.state.global_step == after:
            raise KeyboardInterrupt
        return step(self, *arguments)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(trainer, "training_step", or_stop)
        yield
