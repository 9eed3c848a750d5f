"""Hard-negative mining with BM25 or any encoder, through Pyserini's own commands."""
