"""The encode command: a corpus in, vectors or an index out."""
