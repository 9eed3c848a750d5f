"""Running conditions strictly, resumably, several side by side, with a report."""
