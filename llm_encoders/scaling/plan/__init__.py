"""The model size and the annotations that a budget buys most with, by fitted scaling laws."""
