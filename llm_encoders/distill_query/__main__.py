"""``python -m llm_encoders.distill_query``: a query encoder for an index that stays as it is."""

import importlib
import sys

from llm_encoders.jobs.console import end_command

COMMANDS = {"evaluate": "tradeoff.command", "onnx": "onnx_export.command"}
"""Words that begin another command than training, and its module."""


def main() -> int:
    """Hand the command line to the command that its first word names."""
    words = sys.argv[1:]
    name = words[0] if words else ""
    if name not in COMMANDS:
        print(f"usage: python -m llm_encoders.distill_query {{{','.join(COMMANDS)}}} …")
        return 0 if name in ("-h", "--help") else 2
    module = importlib.import_module(f"llm_encoders.distill_query.{COMMANDS[name]}")
    code: int = module.main(words[1:])
    return code


if __name__ == "__main__":
    end_command(main)
