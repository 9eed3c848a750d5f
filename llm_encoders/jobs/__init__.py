"""Resuming: fingerprint, lock, atomic files, removal, resumable lines and batches; console."""
