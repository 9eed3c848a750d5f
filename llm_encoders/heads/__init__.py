"""From hidden states to a vector: the vocabulary head and its kernels, poolings."""
