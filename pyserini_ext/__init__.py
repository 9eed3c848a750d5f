"""The bridge between :mod:`llm_encoders` and Pyserini. Kept empty: every Python start imports it."""
