"""A small corpus, and encode commands in real subprocesses."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def encode_words(shared_data, stories, tmp_path_factory):
    """``words(paradigm, folder, …)``: an encode command over 1,000 documents in eight parts."""
    lines = (shared_data / "collections/nfcorpus/corpus.jsonl").read_text().splitlines()[:1000]
    corpus = tmp_path_factory.mktemp("corpus") / "corpus.jsonl"
    corpus.write_text("\n".join(lines) + "\n")

    def words(paradigm: str, folder: Path, *more: object) -> list[str]:
        command = [sys.executable, "-m", "pyserini_ext.encode"]
        command += ["--encoder", f"{stories},paradigm={paradigm}", "--corpus", str(corpus)]
        command += ["--batch-size", "4", "--part-size", "128", "--embeddings", str(folder)]
        return [*command, *map(str, more)]

    return words


@pytest.fixture(scope="session")
def run():
    """Run a command to its end; returns what it printed on stderr."""

    def run(words: list[str], code: int = 0) -> str:
        result = subprocess.run(words, capture_output=True, text=True, check=False)
        assert result.returncode == code, result.stderr
        return result.stderr

    return run
