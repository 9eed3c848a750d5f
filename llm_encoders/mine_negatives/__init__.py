"""Hard negatives for training queries, from the rankings of BM25 or of an encoder."""
