"""``trec-car-tools``, imported when a record is there to be read."""

from typing import Any

from llm_encoders.corpora.document import CorpusError
from llm_encoders.corpora.trec_car.records import Record
from llm_encoders.errors import EncoderError


def parsed(kind: str, record: Record, content: Any) -> tuple[Any, str]:
    """A record as ``trec_car.read_data`` has it, and its text.

    Args:
        kind: ``Paragraph`` or ``Page``.
        record: where it stands.
        content: it, decoded.

    Raises:
        CorpusError: it is not of that kind.
        EncoderError: ``trec-car-tools`` is not installed.
    """
    try:
        from trec_car import read_data
    except ImportError:
        raise EncoderError(
            "TREC CAR files need trec-car-tools, which is not installed (pip install "
            "trec-car-tools)."
        ) from None
    try:
        found = getattr(read_data, kind).from_cbor(content)
        return found, found.get_text()
    except Exception as error:  # from_cbor indexes what it gets; a dozen classes
        reason = " ".join(str(error).split())[:100]
        raise CorpusError(
            record.place, f"no {kind.lower()} ({type(error).__name__}: {reason})."
        ) from None
