"""``python -m pyserini_ext.index``; see :mod:`pyserini_ext.indexes.command`."""

from llm_encoders.jobs.console import end_command


def main() -> int:
    """Import and run the command."""
    from pyserini_ext.indexes.command import main

    return main()


if __name__ == "__main__":
    end_command(main, "Interrupted before anything was written.")
