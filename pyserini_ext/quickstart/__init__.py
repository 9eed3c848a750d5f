"""From nothing to an evaluated comparison of BM25, sparse, dense and fused retrieval."""
