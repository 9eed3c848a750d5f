"""A folder that keeps its contents as long as the job is the same."""

import json
import shutil
from pathlib import Path
from typing import Any

from llm_encoders.jobs.atomic import write_atomically
from llm_encoders.reading import read_record

_NOTE = "job.json"


def kept_folder(job: dict[str, Any], folder: Path) -> Path:
    """The folder, emptied if what is in it is of another job.

    Args:
        job: what the contents, an index or vectors, depend on, as JSON.
        folder: made if it is absent.
    """
    note = folder / _NOTE
    if read_record(note) != json.loads(json.dumps(job)):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        write_atomically(note, json.dumps(job))
    return folder
