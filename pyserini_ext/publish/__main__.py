"""``python -m pyserini_ext.publish``; see :mod:`pyserini_ext.publish.command`."""

from llm_encoders.jobs.console import end_command


def main() -> int:
    """Import and run the command."""
    from pyserini_ext.publish.command import main

    return main()


if __name__ == "__main__":
    end_command(main)
