"""How Pyserini comes to know our encoders. Empty, for every Python start imports it."""
