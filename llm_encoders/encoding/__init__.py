"""Encoders: texts to sparse or dense vectors."""
