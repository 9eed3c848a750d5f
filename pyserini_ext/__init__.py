"""The bridge from :mod:`llm_encoders` to Pyserini. Empty, for every Python start imports it."""
