"""Reading a JSON file whose faults are named by file and line."""

import json
from pathlib import Path
from typing import Any

from llm_encoders.errors import EncoderError


def read_object(path: Path) -> dict[str, Any]:
    """Read a file that holds one JSON object.

    Raises:
        EncoderError: it holds something else; names the line.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise EncoderError(f"{path}, line {error.lineno}: not valid JSON ({error.msg}).") from None
    if not isinstance(values, dict):
        raise EncoderError(f"{path}: expected a JSON object.")
    return values
