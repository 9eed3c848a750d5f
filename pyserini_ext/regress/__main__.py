"""``python -m pyserini_ext.regress``: run conditions and compare their scores."""

from llm_encoders.jobs.console import end_command


def main() -> int:
    """Import and run the command."""
    from pyserini_ext.regress.command import main

    return main()


if __name__ == "__main__":
    end_command(main)
