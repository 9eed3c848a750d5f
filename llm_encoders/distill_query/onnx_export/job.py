"""Exporting the query side of an encoder: load, trace, compare, quantise, put in place."""

import dataclasses
import importlib.metadata
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from llm_encoders.checkpoints.fingerprint import file_digest
from llm_encoders.checkpoints.resolve import resolve_spec
from llm_encoders.checkpoints.teacher import Teacher
from llm_encoders.checkpoints.tokenizer import embedding_rows
from llm_encoders.config import LOOKUP, ONNX, TEACHER, EncoderConfig
from llm_encoders.distill_query.onnx_export.agreement import LONGEST, TOLERANCE, Agreement, compare
from llm_encoders.distill_query.onnx_export.graph import write_graph
from llm_encoders.distill_query.onnx_export.quantisation import quantize_graph
from llm_encoders.encoding.encoder import Encoder
from llm_encoders.encoding.loading import load_encoder
from llm_encoders.encoding.onnx_encoder import TERMS_NAME, OnnxQueryEncoder
from llm_encoders.encoding.onnx_graph import GRAPH_NAME, RECORD_NAME, GraphRecord, OnnxGraph
from llm_encoders.encoding.plain_tokenizer import TOKENIZER_NAME, PlainTokenizer
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.jobs.removal import require_apart
from llm_encoders.jobs.whole_folder import require_free, whole_folder

_PACKAGES = ("torch", "transformers", "onnxruntime", "onnx")
_FLOAT = "float32.onnx"  # until it is quantised


def export_onnx(
    spec: str, output: Path, *, int8: bool = False, overwrite: bool = False
) -> Agreement:
    """Write a folder whose queries are encoded by a graph in ONNX.

    Args:
        spec: an encoder, with its written options. Of two towers it is the query tower.
        output: folder to write, absent or empty.
        int8: quantise the weights.
        overwrite: replace an earlier export.

    Returns:
        How far the graph is from PyTorch, over the sample queries.

    Raises:
        UsageError: the query side is no model, or the output is not free.
        EncoderError: a package is missing; PyTorch cannot export the model; its graph gives other
            vectors.
    """
    require_packages(int8)
    files, written = resolve_spec(spec)
    if files.contract.query_encoder in (LOOKUP, ONNX):
        raise UsageError(
            f"{spec}: its queries are encoded by '{files.contract.query_encoder}', which needs no "
            "export."
        )
    if written.get("quantization"):
        raise UsageError(f"{spec}: quantised weights cannot be exported; leave quantization out.")
    require_apart(output, [files.backbone, files.adapter, *files.below])
    require_free(output, overwrite)
    loaded: Any = load_encoder(spec, device="cpu", dtype="float32")
    teacher = Teacher.of(loaded, spec)
    encoder: Encoder[Any] = getattr(loaded, "queries", loaded)
    contract = graph_contract(encoder)
    compared = min(encoder.max_length("query"), LONGEST)
    marks = {"encoder": Path(files.name).name, "compared_tokens": compared}
    with whole_folder(output, overwrite, marks) as folder:
        _write_tokenizer(encoder, folder)
        _write_json(folder / TERMS_NAME, getattr(encoder, "vocabulary", None))
        write_graph(encoder, folder / GRAPH_NAME)
        record = _record(encoder)
        found = _compared(encoder, contract, record, folder)
        if found.difference > TOLERANCE:
            raise EncoderError(
                f"{spec}: the graph's vectors differ from PyTorch's by {found.difference:.1e}, "
                f"where at most {TOLERANCE:g} is allowed, so nothing was written. Use the encoder "
                "without ONNX."
            )
        if int8:
            (folder / GRAPH_NAME).rename(folder / _FLOAT)
            quantize_graph(folder / _FLOAT, folder / GRAPH_NAME)
            (folder / _FLOAT).unlink()
            found = _compared(encoder, contract, record, folder)
        digests = {name: file_digest(folder / name) for name in (GRAPH_NAME, TOKENIZER_NAME)}
        record = dataclasses.replace(
            record,
            int8=int8,
            difference=found.difference,
            compared_tokens=found.tokens,
            files=digests,
        )
        _write_json(folder / RECORD_NAME, record.values())
        teacher.save_beside(folder, contract)
        contract.save(folder)
    kind = "int8" if int8 else "float32"
    print(
        f"Written: {output} ({kind}, {(output / GRAPH_NAME).stat().st_size:,} bytes). Over the "
        f"sample queries it differs from PyTorch by at most {found.difference:.1e} (of the "
        f"largest component where that is above 1); the lowest cosine similarity is "
        f"{found.cosine:.6f}. Its passages are encoded by {teacher.name}."
    )
    if compared < contract.query_max_length:
        print(
            f"Queries may have {contract.query_max_length:,} tokens; the vectors of those of more "
            f"than {compared:,} were not compared."
        )
    return found


def require_packages(int8: bool) -> None:
    """Refuse to begin without what the export needs.

    Raises:
        EncoderError: a package is not installed.
    """
    for name in ("onnxruntime", *(["onnx"] if int8 else [])):
        if find_spec(name) is None:
            raise EncoderError(
                f"The export needs the package {name}: 'pip install pyserini-llm-encoders[onnx]'."
            )


def graph_contract(encoder: Encoder[Any]) -> EncoderConfig:
    """The contract of the folder with the graph of an encoder's query side."""
    return dataclasses.replace(
        encoder.config,
        query_encoder=ONNX,
        passage_encoder=TEACHER,
        projections=(),
        vocabulary_head=None,
        query_max_length=encoder.max_length("query"),
    )


def _record(encoder: Encoder[Any]) -> GraphRecord:
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:  # onnx, which float32 needs not
            continue
    return GraphRecord(
        rows=embedding_rows(encoder.backbone.decoder),
        positions=encoder.backbone.positions,
        parameters=encoder.parameters,
        int8=False,
        difference=0.0,
        versions=versions,
    )


def _write_tokenizer(encoder: Encoder[Any], folder: Path) -> None:
    encoder.backbone.tokenizer.save_pretrained(folder)
    if not (folder / TOKENIZER_NAME).is_file():
        raise UsageError(
            f"{encoder.name}: its tokenizer cannot be written as {TOKENIZER_NAME}, which a folder "
            "without PyTorch needs."
        )


def _write_json(path: Path, values: Any) -> None:
    if values is not None:
        path.write_text(json.dumps(values, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _compared(
    encoder: Encoder[Any], contract: EncoderConfig, record: GraphRecord, folder: Path
) -> Agreement:
    graph = OnnxQueryEncoder(
        encoder.name,
        contract,
        OnnxGraph(folder / GRAPH_NAME),
        record,
        PlainTokenizer.load(folder),
        getattr(encoder, "vocabulary", ()),
    )
    with torch.inference_mode():
        return compare(encoder, graph)
