"""A graph with 8-bit weights: its matrix products by ONNX Runtime, its embeddings row by row."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

_LARGEST = 127


def quantize_graph(source: Path, target: Path) -> None:
    """Write a graph again, its weights as 8-bit integers.

    Matrix products are quantised dynamically: activations are rounded as they come, by the range
    of the batch. Weights have a scale a column and are unsigned, since processors without VNNI
    saturate sums of products of signed ones (cosine similarity 0.994 in place of 0.99999,
    ``llm-splade-tiny``). Embeddings have a scale a row and one a column; ONNX Runtime would give
    them one for the whole table. Rows alone are not enough: one column that is larger than the
    others takes their digits (cosine similarity 0.992 in place of 0.9997, two layers of
    ``llm-dense-tiny``).

    Args:
        source: a graph of :func:`llm_encoders.distill_query.onnx_export.graph.write_graph`.
        target: takes the other.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _quiet():
        quantize_dynamic(
            source,
            target,
            op_types_to_quantize=["MatMul", "Gemm"],
            per_channel=True,
            weight_type=QuantType.QUInt8,
        )
    model = onnx.load(target)
    _quantize_embeddings(model.graph)
    onnx.save(model, target)


def _quantize_embeddings(graph: Any) -> None:
    """Replace every look-up in a float32 table by one of int8 rows, times their scales."""
    from onnx import TensorProto, helper, numpy_helper

    tables = {
        one.name: one
        for one in graph.initializer
        if one.data_type == TensorProto.FLOAT and len(one.dims) == 2
    }
    nodes, replaced = [], set()
    for node in graph.node:
        name = node.input[0] if node.op_type == "Gather" else ""
        if name not in tables:
            nodes.append(node)
            continue
        if name not in replaced:
            parts = quantised_table(numpy_helper.to_array(tables[name]))
            for part, kind in zip(parts, ("int8", "scale", "columns"), strict=True):
                graph.initializer.append(numpy_helper.from_array(part, f"{name}_{kind}"))
        replaced.add(name)
        (output,), where = node.output, node.input[1]
        whole, scale = f"{output}_int8", f"{output}_scale"
        nodes += [
            helper.make_node("Gather", [f"{name}_int8", where], [whole], axis=0),
            helper.make_node("Gather", [f"{name}_scale", where], [scale], axis=0),
            helper.make_node("Cast", [whole], [f"{whole}_float"], to=TensorProto.FLOAT),
            helper.make_node("Mul", [f"{whole}_float", scale], [f"{whole}_scaled"]),
            helper.make_node("Mul", [f"{whole}_scaled", f"{name}_columns"], [output]),
        ]
    used = {name for node in nodes for name in node.input}
    del graph.node[:]
    graph.node.extend(nodes)
    for name in replaced - used:
        graph.initializer.remove(tables[name])


def quantised_table(table: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A table as a product of integers and scales.

    Args:
        table: float32 [rows, width].

    Returns:
        int8 [rows, width], and float32 scales of rows [rows, 1] and of columns [1, width]. Columns
        are divided by their largest magnitude first; then the integers of a row reach 127.
    """
    columns = _scales(table, axis=0)
    rows = _scales(table / columns, axis=1) / _LARGEST
    integers = np.rint(table / columns / rows).astype(np.int8)
    return integers, rows.astype(np.float32), columns.astype(np.float32)


def _scales(table: np.ndarray, axis: int) -> np.ndarray:
    largest = np.abs(table).max(axis=axis, keepdims=True)
    return np.where(largest > 0, largest, 1)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the recommendation of a pass over the graph, which changes nothing here."""
    level = logging.root.level
    logging.root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logging.root.setLevel(level)
