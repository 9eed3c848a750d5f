"""``python -m pyserini_ext.quickstart``: compare BM25, sparse, dense and their fusion."""

from llm_encoders.jobs.console import end_command


def main() -> int:
    """Import and run the command."""
    from pyserini_ext.quickstart.command import main

    return main()


if __name__ == "__main__":
    end_command(main)
