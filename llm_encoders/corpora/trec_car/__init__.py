"""TREC CAR: paragraphs as a corpus, and articles with their sections, from ``.cbor`` files.

A map of the room: ``cbor`` decodes one item, ``records`` gives a file's records and tells whether
it is whole, ``paragraphs`` makes documents of them, ``pages`` sections, topics and judgements.
``trec-car-tools`` is imported when a record is read.

Dietz and Gamari, *TREC CAR: A Data Set for Complex Answer Retrieval*, http://trec-car.cs.unh.edu.
"""

from llm_encoders.corpora.trec_car.naming import car_files, is_trec_car
from llm_encoders.corpora.trec_car.paragraphs import ParagraphCorpus

__all__ = ["ParagraphCorpus", "car_files", "is_trec_car"]
