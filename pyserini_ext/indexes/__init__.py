"""Lucene and FAISS writers, JSONL vector lines, the index command."""
