"""The folder of the miniatures as the current one."""

import pytest


@pytest.fixture
def miniatures(shared_data, monkeypatch):
    folder = shared_data / "checkpoints"
    monkeypatch.chdir(folder)
    return folder
