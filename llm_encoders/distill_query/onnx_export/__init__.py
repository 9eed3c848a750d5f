"""A query side as a graph in ONNX: written, checked against PyTorch, put in place."""
