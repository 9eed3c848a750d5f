"""Training data: layouts of files, memory-mapped passages and queries, batches of token ids."""
