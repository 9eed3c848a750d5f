"""Query sides that look terms up in a table, without transformer and without PyTorch."""
