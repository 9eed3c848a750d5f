"""Teacher scores for distillation: cross-encoder, bi-encoder or yes/no language model."""
