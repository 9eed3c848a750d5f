"""Teachers: models that score the passages of a query, one kind a file."""
