"""Corpora as streams: JSON lines, TSV, BEIR folders, Hugging Face datasets and TREC CAR."""

from llm_encoders.corpora.beir import is_beir
from llm_encoders.corpora.document import Corpus, CorpusError, Document, Position
from llm_encoders.corpora.folder import document_files
from llm_encoders.corpora.lines import LineCorpus
from llm_encoders.corpora.records import RecordReader
from llm_encoders.corpora.trec_car import ParagraphCorpus, is_trec_car
from llm_encoders.errors import UsageError

__all__ = ["Corpus", "CorpusError", "Document", "Position", "document_files", "open_corpus"]


def open_corpus(
    path: str,
    fields: list[str] | None = None,
    encoded_fields: list[str] | None = None,
    docid_field: str | None = None,
    delimiter: str = "\n",
) -> Corpus:
    """Open what ``--corpus`` names.

    Args:
        path: a JSONL or TSV file (``.gz``, ``.zst`` and ``.xz`` allowed), a folder of such files
            with its subfolders, a folder in BEIR layout, a Parquet file or folder of them, a
            dataset saved by ``datasets``, a TREC CAR file of paragraphs (``.cbor``) or folder of
            them, or ``hf:ORGANISATION/NAME`` for a dataset on the Hugging Face Hub.
        fields: the input's fields in order; ``None`` takes title and text where a document has
            them, else all of ``contents``.
        encoded_fields: which are encoded, of ``title`` and ``text``; default both.
        docid_field: field of the id; default ``id``, ``_id`` or ``docid``.
        delimiter: between the fields inside ``contents``.

    Raises:
        EncoderError: nothing is there, or a folder holds something else than documents.
    """
    from llm_encoders.corpora import huggingface

    reader = RecordReader(fields, encoded_fields, docid_field, delimiter)
    if not is_beir(path) and huggingface.is_dataset(path):
        return huggingface.DatasetCorpus(path, reader)
    if path.startswith("hf:"):
        raise UsageError(f"'{path}' names no dataset; write hf:ORGANISATION/NAME.")
    found = document_files(path)
    if is_trec_car(found[0]):
        return ParagraphCorpus(path, found, reader)
    return LineCorpus(path, found, reader)
