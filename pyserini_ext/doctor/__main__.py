"""``python -m pyserini_ext.doctor``: what was found and chosen, what is wrong, and the cure."""

from llm_encoders.jobs.console import end_command


def main() -> int:
    """Import and run the command."""
    from pyserini_ext.doctor.command import main

    return main()


if __name__ == "__main__":
    end_command(main)
