"""``python -m llm_encoders.scaling``: measure, fit and use scaling laws."""

from llm_encoders.jobs.console import end_command
from llm_encoders.scaling.command import main

if __name__ == "__main__":
    end_command(main)
