"""Training examples: layouts, passages, preparation."""
