"""The topics that a file of TREC qrels judges."""

from pathlib import Path

from llm_encoders.corpora import CorpusError, files
from llm_encoders.errors import EncoderError


def judged_topics(path: Path) -> set[str]:
    """Ids of the topics of qrels: topic, an unused column, document and grade, separated by spaces.

    Raises:
        CorpusError: a line of something else; names it.
        EncoderError: there are none.
    """
    found: set[str] = set()
    for line, _, content in files.lines(path):
        place = f"{path}, line {line}"
        try:
            columns = content.decode().split()
        except UnicodeDecodeError:
            raise CorpusError(place, "not valid UTF-8.") from None
        if len(columns) != 4:
            raise CorpusError(
                place,
                f"expected topic, 0, document and grade; there are {len(columns)} columns.",
            )
        found.add(columns[0])
    if not found:
        raise EncoderError(f"{path} judges no topics.")
    return found
