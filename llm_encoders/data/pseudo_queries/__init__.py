"""Queries that a document gives by itself: its title, headings, sentences and crops.

Every module takes one document, so that commands choose how documents are read and what is drawn.
"""

from llm_encoders.data.pseudo_queries.crops import crops
from llm_encoders.data.pseudo_queries.draft import Draft
from llm_encoders.data.pseudo_queries.headings import headings
from llm_encoders.data.pseudo_queries.inverse_cloze import inverse_cloze, sentences

__all__ = ["Draft", "crops", "headings", "inverse_cloze", "sentences"]
