"""Which files of a path hold a corpus's documents."""

from pathlib import Path

from llm_encoders.corpora import files
from llm_encoders.corpora.beir import BeirFolder, holds_no_documents, is_beir
from llm_encoders.corpora.trec_car.naming import car_files
from llm_encoders.errors import EncoderError


def document_files(path: str) -> list[Path]:
    """The files of a corpus, in order: a file, BEIR's, or all of a folder and its subfolders.

    All are text, or all are TREC CAR's.

    Raises:
        EncoderError: nothing is there, or a folder holds a file that by its name has no documents.
    """
    place = Path(path)
    if place.is_file():
        return [place]
    if not place.is_dir():
        raise EncoderError(f"There is no corpus '{path}'; give a file or a folder.")
    if is_beir(place):
        return [BeirFolder(place).corpus]
    if car := car_files(place):
        return car
    found = files.record_files(place, "documents")
    for file in found:
        for part in file.relative_to(place).parts:
            if holds_no_documents(part):
                raise EncoderError(
                    f"{file} holds, by its name, queries or judgements, not documents; move it out "
                    f"of {place}, or name the file of documents instead of the folder."
                )
    return found
