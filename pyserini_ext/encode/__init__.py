"""The encode command: a corpus in, JSONL or a FAISS index out."""
