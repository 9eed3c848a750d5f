"""A small corpus, and encode commands in real subprocesses."""

import subprocess
import sys
from pathlib import Path

import pytest

from pyserini_ext.encode.command import main

COUNT = 100


@pytest.fixture(scope="session")
def encode_words(shared_data, stories, tmp_path_factory):
    """``words(paradigm, folder, …)``: an encode command over 1,000 documents in eight parts."""
    lines = (shared_data / "collections/nfcorpus/corpus.jsonl").read_text().splitlines()[:1000]
    corpus = tmp_path_factory.mktemp("corpus") / "corpus.jsonl"
    corpus.write_text("\n".join(lines) + "\n")

    def words(paradigm: str, folder: Path, *more: object) -> list[str]:
        command = [sys.executable, "-m", "pyserini_ext.encode"]
        command += [
            "--encoder",
            f"{stories},paradigm={paradigm},like=lion",
            "--corpus",
            str(corpus),
        ]
        command += ["--batch-size", "4", "--part-size", "128", "--embeddings", str(folder)]
        return [*command, *map(str, more)]

    return words


@pytest.fixture(scope="session")
def run(warm_executable):
    """Run a command to its end, warm; returns what it printed on stderr."""

    def run(words: list[str], code: int = 0) -> str:
        words = [warm_executable, *words[1:]]
        result = subprocess.run(words, capture_output=True, text=True, check=False)
        assert result.returncode == code, result.stderr
        return result.stderr

    return run


@pytest.fixture(scope="session")
def in_one_go(once, encode_words, run):
    """``in_one_go(paradigm, …)``: what the command makes that nobody disturbs, with options."""

    def in_one_go(paradigm: str, *more: str) -> Path:
        name = "-".join([paradigm, *(word.strip("-") for word in more)])

        def make(folder: Path) -> None:
            run(encode_words(paradigm, folder / name, *more))

        return once(f"encoded-{name}", make) / name

    return in_one_go


@pytest.fixture
def corpus(tmp_path, shared_data):
    lines = (shared_data / "collections/nfcorpus/corpus.jsonl").read_text().splitlines()
    path = tmp_path / "corpus.jsonl"
    path.write_text("\n".join(lines[:COUNT]) + "\n")
    return path


@pytest.fixture
def encode(corpus, stories, tmp_path, capsys):
    """Run the command in four parts; returns its exit code and what it said."""

    def encode(*more, output="output", encoder=f"{stories},paradigm=sparse,like=lion"):
        words = ["--encoder", encoder, "--corpus", corpus, "--embeddings", tmp_path / output]
        words += ["--batch-size", 1, "--part-size", 32, *more]
        code = main([str(word) for word in words])
        return code, capsys.readouterr().err

    return encode
