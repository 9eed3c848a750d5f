"""Fixtures of the tests of commands."""

import pytest

from tests.pyserini_ext.served import Made, make


@pytest.fixture(scope="session")
def made(once) -> Made:
    folder = once("served-indexes", make)
    return Made(folder, folder / "corpus.jsonl", folder / "sparse", folder / "dense")
