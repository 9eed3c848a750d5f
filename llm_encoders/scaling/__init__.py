"""Scaling laws of retrievers: contrastive entropy by model size and annotations, and a budget."""
