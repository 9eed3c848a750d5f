"""Implementations of the vocabulary maximum behind :mod:`llm_encoders.heads.vocabulary_head`.

Each takes packed token states, without padding, and returns the raw maxima over every text's
tokens with the position of the token that gave them.
"""
