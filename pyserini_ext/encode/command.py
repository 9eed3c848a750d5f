"""``python -m pyserini.encode`` for our encoders, also as ``python -m pyserini_ext.encode``."""

import sys

from llm_encoders.jobs.console import run_command
from pyserini_ext.encode.arguments import parse
from pyserini_ext.encode.job import run


def main(arguments: list[str] | None = None, prog: str = "python -m pyserini_ext.encode") -> int:
    """Run the command. Returns the exit code: 0 only when the whole output is in place."""
    return run_command(lambda: run(parse(sys.argv[1:] if arguments is None else arguments, prog)))
