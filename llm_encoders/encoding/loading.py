"""``load_encoder``: the one way to get an encoder from a name, a folder or a Hub id."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm_encoders.checkpoints import resolve
from llm_encoders.checkpoints.announcement import announce
from llm_encoders.config import LOOKUP, ONNX

if TYPE_CHECKING:  # PyTorch is imported only where a model is loaded
    import torch

    from llm_encoders.encoding.dense_encoder import DenseEncoder
    from llm_encoders.encoding.sparse_encoder import SparseEncoder


def load_encoder(
    name_or_path: str | Path,
    *,
    device: "str | torch.device | None" = None,
    dtype: "str | torch.dtype | None" = None,
    backbone: str | None = None,
    paradigm: str | None = None,
    quantization: str | None = None,
    attention_implementation: str | None = None,
    like: str | None = None,
    **changes: Any,
) -> "SparseEncoder | DenseEncoder":
    """Load an encoder.

    Where its contract is read from a publisher's files, a line on standard error says from which.
    A lookup table or an ONNX graph is opened without PyTorch and encodes queries only; ``device``,
    ``dtype`` and the options of models mean nothing to it.

    Args:
        name_or_path: a preset (``llm-splade-tiny``), a folder or a Hub id; it may carry the
            options below in writing, as in ``my/adapter,dtype=float32`` (arguments win). A local
            folder wins over a preset of the same name.
        device: default the first GPU, else Apple's GPU, else the CPU.
        dtype: ``"float32"``, ``"bfloat16"``, ``"float16"``; default on a CUDA GPU bfloat16, or
            float16 where it lacks that; elsewhere float32.
        backbone: folder or Hub id of the model under an adapter; default what the preset or the
            adapter names, relative to the adapter where it is a relative path.
        paradigm: ``"sparse"`` or ``"dense"``; an error if the checkpoint is of the other.
        quantization: ``"4bit"`` or ``"8bit"`` weights by bitsandbytes.
        attention_implementation: ``"sdpa"``, ``"eager"`` or ``"flash_attention_2"``.
        like: gives a checkpoint whose files do not say how it encodes the contract of a named
            encoder, by its name or Hub id, as in ``"castorini/repllama-v1-7b-lora-passage"``;
            ``"lion"``, with ``paradigm``, that of the published Lion checkpoints (arXiv
            2502.15526).
        changes: keys of :class:`llm_encoders.EncoderConfig` that replace the checkpoint's, such
            as ``instruction`` or ``query_prefix``.

    Raises:
        UsageError: unknown name or option; a checkpoint that does not say how it encodes, or says
            something else than the options.
        EncoderError: files that cannot be had or do not fit together.
    """
    files, written = resolve.resolve_spec(str(name_or_path), paradigm, backbone, like, changes)
    announce(files)
    if files.contract.query_encoder in (LOOKUP, ONNX):
        without_model: Any = _open_without_model(files)
        return without_model  # type: ignore[no-any-return]
    from llm_encoders.devices import choose_device, choose_dtype

    chosen_device = choose_device(device if device is not None else written.get("device"))
    chosen_dtype = choose_dtype(dtype if dtype is not None else written.get("dtype"), chosen_device)
    return open_encoder(
        files,
        chosen_device,
        chosen_dtype,
        quantization=quantization or written.get("quantization"),
        attention_implementation=attention_implementation,
    )


def open_encoder(
    files: resolve.Checkpoint,
    device: "torch.device",
    dtype: "torch.dtype",
    *,
    quantization: str | None = None,
    attention_implementation: str | None = None,
    layers: int | None = None,
    own_adapter: bool = True,
) -> "SparseEncoder | DenseEncoder":
    """Load an encoder from files that are found already.

    Arguments and errors as for :func:`llm_encoders.checkpoints.backbone.load_backbone`.
    """
    from llm_encoders.checkpoints.backbone import load_backbone
    from llm_encoders.encoding import dense_encoder, sparse_encoder, towers
    from llm_encoders.heads.projection import load_projections
    from llm_encoders.heads.term_head import TermHead

    options: dict[str, Any] = {
        "quantization": quantization,
        "attention_implementation": attention_implementation,
        "layers": layers,
        "own_adapter": own_adapter,
    }
    loaded = load_backbone(files, device, dtype, **options)
    contract = files.contract
    pooled = loaded.hidden_size * len(contract.pooling.split("+"))
    loaded.projections = load_projections(files.folder, contract.projections, pooled, device)
    if contract.vocabulary_head is not None:
        head = TermHead.load(files.folder / contract.vocabulary_head, loaded.hidden_size)
        head = head.to(device, loaded.decoder.dtype)
        loaded.head, loaded.head_bias, loaded.terms = head.weight, head.bias, head.terms
    kinds: tuple[Any, ...] = (
        dense_encoder.DenseEncoder,
        towers.DenseTowers,
        towers.DenseQueryTower,
    )
    if contract.paradigm == "sparse":
        kinds = (sparse_encoder.SparseEncoder, towers.SparseTowers, towers.SparseQueryTower)
    one_model, two_towers, query_tower = kinds
    kind = two_towers if files.query else query_tower if files.teacher else one_model
    encoder = kind(files.name, contract, loaded)
    encoder.files = files
    if files.query is not None:
        encoder.add_queries(open_encoder(files.query, device, dtype, **options))
    elif files.teacher is not None:
        encoder.require_teacher()
    return encoder  # type: ignore[no-any-return]


def _open_without_model(files: resolve.Checkpoint) -> Any:
    """The query encoder of a lookup table or of an ONNX graph."""
    if files.contract.query_encoder == LOOKUP:
        from llm_encoders.encoding.lookup.files import open_lookup

        return open_lookup(files)
    from llm_encoders.encoding.onnx_encoder import open_onnx

    return open_onnx(files)
