"""``python -m pyserini_ext.encode``; ``python -m pyserini.encode`` becomes it for our encoders."""

from llm_encoders.jobs.console import end_command


def main() -> int:
    """Import and run the command."""
    from pyserini_ext.encode.command import main

    return main(prog="python -m pyserini.encode")


if __name__ == "__main__":
    end_command(main, "Interrupted before anything was written.")
