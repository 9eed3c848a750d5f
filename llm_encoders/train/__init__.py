"""Training of sparse and dense encoders: recipes, data, objectives, gradient cache, trainer."""
