"""Which files are TREC CAR's, by their names."""

import re
from pathlib import Path

from llm_encoders.corpora import files
from llm_encoders.errors import EncoderError

# Of release 1.5: .cbor.paragraphs and .cbor.outlines.
_NAME = re.compile(r".*\.cbor(\.(paragraphs|outlines))?", re.IGNORECASE)


def is_trec_car(path: Path) -> bool:
    """Whether a file is named as one of TREC CAR, plain or compressed."""
    return bool(_NAME.fullmatch(path.stem if files.compression(path) else path.name))


def car_files(folder: Path) -> list[Path]:
    """The TREC CAR files of a folder and its subfolders; none if it holds none.

    Raises:
        EncoderError: it holds other files, too.
    """
    walked = files.walk(folder)
    found = [file for file in walked if is_trec_car(file)]
    others = [file for file in walked if not is_trec_car(file)]
    if found and others:
        raise EncoderError(
            f"{folder} holds both {found[0].name} and {others[0].name}; name the TREC CAR file of "
            "paragraphs instead of the folder."
        )
    return found
