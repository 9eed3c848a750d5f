"""Measuring contrastive entropy, the quantity that scaling laws are about."""
