"""Invariants of encoding, on genuine weights and on small random backbones of other families."""

import json

import numpy as np
import pytest
import torch
import transformers
from peft import LoraConfig, get_peft_model

from llm_encoders import DenseEncoder, EncoderError, SparseEncoder, UsageError, load_encoder
from llm_encoders.encoding.batching import pad
from llm_encoders.heads.representation import pooled_tokens

TEXTS = [
    "Once upon a time there was a little girl named Lily.",
    "The cat.",
    "",
    "She liked to play outside in the park with her friends, and one day she saw a big, red ball "
    "that rolled down the hill and stopped beside the old tree where the birds sing.",
    "A dog and a frog sat on a log",
]
FAMILIES = {
    "llama": transformers.LlamaConfig,
    "mistral": transformers.MistralConfig,
    "qwen2": transformers.Qwen2Config,
    "qwen3": transformers.Qwen3Config,
}


@pytest.fixture(scope="module", params=["sparse", "dense"])
def encoder(request, stories):
    return load_encoder(str(stories), paradigm=request.param, like="lion", device="cpu")


def dense_rows(vectors):
    return vectors if isinstance(vectors, np.ndarray) else vectors.toarray()


def test_surface(encoder):
    vectors = encoder.encode_documents(TEXTS)
    assert vectors.dtype == np.float32
    if isinstance(encoder, SparseEncoder):
        assert vectors.shape == (5, len(encoder.vocabulary)) == (5, 512)
        assert vectors.has_sorted_indices and (vectors.data > 0).all()
    else:
        assert isinstance(encoder, DenseEncoder)
        assert vectors.shape == (5, encoder.dimension) == (5, 64)
    assert encoder.encode_queries([]).shape == (0, vectors.shape[1])


@pytest.mark.parametrize("batch_size", [1, 2, 5])
@pytest.mark.parametrize("batch_tokens", [1, 64, 10_000])
@pytest.mark.parametrize("padding_side", ["left", "right"])
def test_vector_depends_on_nothing_but_the_text(encoder, batch_size, batch_tokens, padding_side):
    alone = [dense_rows(encoder.encode_documents([text]))[0] for text in TEXTS]
    order = [3, 0, 4, 2, 1]
    encoder.batch_size, encoder.batch_tokens = batch_size, batch_tokens
    encoder.padding_side = padding_side
    together = dense_rows(encoder.encode_documents([TEXTS[i] for i in order]))
    for row, i in zip(together, order, strict=True):
        np.testing.assert_allclose(row, alone[i], atol=1e-5)


def test_titles_and_prefixes_are_part_of_the_text(encoder):
    title, text = "A story", TEXTS[0]
    joined = dense_rows(encoder.encode_documents([f"{title} {text}"]))
    titled = dense_rows(encoder.encode_documents([text], [title]))
    np.testing.assert_allclose(titled, joined, atol=1e-6)
    untitled = dense_rows(encoder.encode_documents([text, text], [None, ""]))
    bare = dense_rows(encoder.encode_documents([text]))
    np.testing.assert_allclose(untitled, np.repeat(bare, 2, 0), atol=1e-5)
    tokenizer = encoder.backbone.tokenizer
    pair = encoder.document_token_ids([text], [title], None, add_sep=True)
    assert pair == [tokenizer(title, text)["input_ids"]]
    assert pair != encoder.document_token_ids([text], [title], None, add_sep=False)


def test_max_length_and_prefix(stories):
    encoder = load_encoder(str(stories), paradigm="dense", like="lion")
    whole, cut = (encoder.encode_documents(TEXTS[3:4], max_length=n) for n in (192, 8))
    assert np.abs(whole - cut).max() > 1e-3
    prefixed = load_encoder(str(stories), paradigm="dense", like="lion")
    prefixed.replace_config(query_prefix="query: ", passage_prefix="passage: ")
    np.testing.assert_allclose(
        prefixed.encode_queries(["cat"]), encoder.encode_documents(["query: cat"]), atol=1e-6
    )
    np.testing.assert_allclose(
        prefixed.encode_documents(["cat"]), encoder.encode_documents(["passage: cat"]), atol=1e-6
    )


def test_bos_can_be_left_out_of_the_pool(stories):
    encoder = load_encoder(str(stories), paradigm="sparse", like="lion")
    with_bos = encoder.encode_documents(TEXTS[:1]).toarray()
    encoder.replace_config(pool_bos=False)
    without_bos = encoder.encode_documents(TEXTS[:1]).toarray()
    assert (with_bos >= without_bos - 1e-6).all() and (with_bos > without_bos + 1e-3).any()
    assert encoder.encode_documents([""]).nnz == 0  # BOS was all there was


def test_eos_pooling_reads_the_appended_token(stories):
    encoder = load_encoder(str(stories), paradigm="dense", like="lion")
    encoder.replace_config(pooling="eos", append_eos=True)
    ids = encoder.query_token_ids([TEXTS[3], "cat"], 8)
    assert all(row[-1] == encoder.backbone.tokenizer.eos_token_id for row in ids)
    assert len(ids[0]) == 8
    assert encoder.encode_queries(["cat"]).shape == (1, 64)


def test_top_k_of_the_contract_is_kept(stories):
    encoder = load_encoder(str(stories), paradigm="sparse", like="lion")
    everything = encoder.encode_documents(TEXTS)
    encoder.replace_config(query_top_k=3, passage_top_k=7)
    assert np.diff(encoder.encode_queries(TEXTS).indptr).max() == 3
    kept = encoder.encode_documents(TEXTS)
    for row in range(len(TEXTS)):
        best = np.sort(everything[[row]].data)[-7:]
        np.testing.assert_allclose(np.sort(kept[[row]].data), best)


def test_half_precision_is_near(encoder, stories):
    half = load_encoder(
        str(stories), paradigm=encoder.config.paradigm, like="lion", dtype="bfloat16"
    )
    assert half.dtype == torch.bfloat16
    reference, near = (dense_rows(e.encode_documents(TEXTS)) for e in (encoder, half))
    assert np.linalg.norm(near - reference) / np.linalg.norm(reference) < 0.05


@pytest.mark.parametrize("paradigm", ["sparse", "dense"])
def test_cast_later_or_loaded_so(stories, paradigm):
    """The same bits: what loading leaves in float32 stays so."""
    options = {"paradigm": paradigm, "like": "lion", "device": "cpu"}
    later = load_encoder(str(stories), dtype="float32", **options)
    later.half()
    loaded = load_encoder(str(stories), dtype="float16", **options)
    found, wanted = (dense_rows(one.encode_documents(TEXTS)) for one in (later, loaded))
    np.testing.assert_array_equal(found, wanted)


def test_one_string_is_refused(encoder):
    with pytest.raises(UsageError, match="list of texts"):
        encoder.encode_queries("cat")
    with pytest.raises(UsageError, match="2 texts but 1 titles"):
        encoder.encode_documents(["a", "b"], ["t"])


def test_lone_surrogates_do_not_stop_a_run(encoder):
    assert encoder.encode_documents(["broken \ud83d text"]).shape[0] == 1


def test_not_finite_activations_are_reported(stories):
    encoder = load_encoder(str(stories), paradigm="dense", like="lion")
    encoder.backbone.decoder.norm.weight.data.fill_(torch.nan)
    with pytest.raises(EncoderError, match="text number 1 gave NaN or infinite"):
        encoder.encode_documents(["cat"])


def random_backbone(folder, config, tokenizer_from):
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(config)
    model.save_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tokenizer_from)
    tokenizer.save_pretrained(folder)
    return str(folder)


def small(config_class, **more):
    return config_class(
        vocab_size=520,  # more rows than the tokenizer has entries, as Qwen pads its head
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=128,
        initializer_range=0.2,
        **more,
    )


@pytest.mark.parametrize("family", sorted(FAMILIES))
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_families_are_bidirectional(tmp_path, stories, family, attention):
    folder = random_backbone(tmp_path, small(FAMILIES[family]), stories)
    encoder = load_encoder(
        folder, paradigm="sparse", like="lion", attention_implementation=attention
    )
    one, other = torch.tensor([[5, 300, 301, 302]]), torch.tensor([[5, 300, 301, 444]])
    mask = torch.ones_like(one)
    with torch.inference_mode():
        change = encoder.backbone.hidden_states(one, mask) - encoder.backbone.hidden_states(
            other, mask
        )
    assert change[:, :3].abs().max() > 1e-3
    assert len(encoder.vocabulary) == len(set(encoder.vocabulary)) == 520
    assert encoder.encode_documents(TEXTS).shape == (5, 520)


def test_causal_contract_keeps_a_backbone_causal(tmp_path, stories):
    from llm_encoders import EncoderConfig

    folder = random_backbone(tmp_path, small(transformers.LlamaConfig), stories)
    EncoderConfig(paradigm="dense", attention="causal", pooling="last").save(folder)
    encoder = load_encoder(folder)
    one, other = torch.tensor([[5, 300, 301, 302]]), torch.tensor([[5, 300, 301, 444]])
    with torch.inference_mode():
        states = [encoder.backbone.hidden_states(ids, torch.ones_like(ids)) for ids in (one, other)]
    torch.testing.assert_close(states[0][:, :3], states[1][:, :3])


def test_causal_only_backbone_is_refused(tmp_path, stories):
    config = transformers.MambaConfig(
        vocab_size=520, hidden_size=32, num_hidden_layers=2, state_size=4, initializer_range=0.2
    )
    folder = random_backbone(tmp_path, config, stories)
    with pytest.raises(EncoderError, match="bidirectional attention was asked for"):
        load_encoder(folder, paradigm="dense", like="lion")


@pytest.mark.parametrize("adapter", [False, True])
@pytest.mark.parametrize("quantization", ["4bit", "8bit"])
def test_quantised_weights(tmp_path, stories, quantization, adapter):
    config = transformers.LlamaConfig(  # 4-bit kernels on a CPU need multiples of 128
        vocab_size=512, hidden_size=128, intermediate_size=256, num_hidden_layers=2,
        num_attention_heads=4, initializer_range=0.1,
    )  # fmt: skip
    folder = random_backbone(tmp_path / "backbone", config, stories)
    if adapter:
        folder = random_adapter(tmp_path / "adapter", folder)
    reference = load_encoder(folder, paradigm="dense", like="lion").encode_documents(TEXTS)
    encoder = load_encoder(folder, paradigm="dense", like="lion", quantization=quantization)
    assert encoder.backbone.decoder.is_quantized
    vectors = encoder.encode_documents(TEXTS)
    similarity = (vectors * reference).sum(1) / (
        np.linalg.norm(vectors, axis=1) * np.linalg.norm(reference, axis=1)
    )
    assert similarity.min() > 0.9


def random_adapter(folder, backbone):
    torch.manual_seed(1)
    model = transformers.AutoModel.from_pretrained(backbone)
    config = LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    get_peft_model(model, config).save_pretrained(folder)
    return str(folder)


def test_remote_code_is_never_run(tmp_path, stories):
    folder = random_backbone(tmp_path, small(transformers.LlamaConfig), stories)
    config = json.loads((tmp_path / "config.json").read_text())
    config["auto_map"] = {"AutoConfig": "code.Config", "AutoModel": "code.Model"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "code.py").write_text("raise SystemExit('remote code ran')")
    assert load_encoder(folder, paradigm="dense", like="lion").encode_queries(["a"]).any()
    (tmp_path / "config.json").write_text(json.dumps(config | {"model_type": "surprise"}))
    with pytest.raises(EncoderError, match="model_type is 'surprise'"):
        load_encoder(folder, paradigm="dense", like="lion")


def test_lengths_without_room_are_refused(encoder):
    with pytest.raises(UsageError, match="no room for text besides 1 special"):
        encoder.encode_queries(["cat"], max_length=1)
    with pytest.raises(UsageError, match="maximum length of 0"):
        encoder.encode_queries(["cat"], max_length=0)
    with pytest.raises(UsageError, match="besides 2 special"):
        encoder.encode_documents(["cat"], ["title"], max_length=2, add_sep=True)


def test_contract_changes_take_effect_or_are_refused(stories):
    encoder = load_encoder(str(stories), paradigm="sparse", like="lion")
    before = encoder.encode_queries(["cat"]).toarray()
    encoder.replace_config(logit_scale=1.0)
    assert np.abs(encoder.encode_queries(["cat"]).toarray() - before).max() > 0.1
    for change in ({"paradigm": "dense"}, {"attention": "causal"}):
        with pytest.raises(UsageError, match="cannot be changed"):
            encoder.replace_config(**change)


def test_eos_that_is_also_bos_is_still_pooled(stories):
    encoder = load_encoder(str(stories), paradigm="dense", like="lion")
    encoder.backbone.tokenizer.eos_token = encoder.backbone.tokenizer.bos_token
    encoder.replace_config(pooling="eos", append_eos=True, pool_bos=False)
    batch = pad(encoder.query_token_ids(["cat", "a dog"], None), [0, 1], "left")
    tokenizer = encoder.backbone.tokenizer
    pooled = pooled_tokens(batch.token_ids, batch.attention_mask, encoder.config, tokenizer)
    assert pooled.sum(1).tolist() == (batch.attention_mask.sum(1) - 1).tolist()
    assert pooled[:, -1].all()


@pytest.mark.parametrize("damage", ["truncated", "other sizes", "pointer"])
def test_damaged_weights_are_one_sentence(tmp_path, stories, damage):
    folder = random_backbone(tmp_path, small(transformers.LlamaConfig), stories)
    weights = tmp_path / "model.safetensors"
    if damage == "truncated":
        weights.write_bytes(weights.read_bytes()[:1000])
    elif damage == "pointer":
        weights.write_text("version https://git-lfs.github.com/spec/v1\n")
    else:
        config = json.loads((tmp_path / "config.json").read_text())
        (tmp_path / "config.json").write_text(json.dumps(config | {"hidden_size": 64}))
    with pytest.raises(EncoderError, match=f"Cannot load {tmp_path}"):
        load_encoder(folder, paradigm="dense", like="lion")


@pytest.mark.parametrize("paradigm", ["sparse", "dense"])
def test_out_of_memory_halves_the_batches_and_goes_on(stories, paradigm, caplog):
    encoder = load_encoder(str(stories), paradigm=paradigm, like="lion")
    texts = [f"a story of {'many ' * (i % 9)}words" for i in range(40)]
    expected = encoder.encode_documents(texts)
    states, sizes = encoder.backbone.hidden_states, []

    def small(token_ids, mask):
        sizes.append(token_ids.numel())
        if token_ids.numel() > 100:
            raise torch.OutOfMemoryError("simulated")
        return states(token_ids, mask)

    encoder.backbone.hidden_states = small
    found = encoder.encode_documents(texts)
    difference = abs(found - expected)
    assert difference.max() < 1e-5 and found.shape == expected.shape
    assert max(sizes) > 100 and encoder.batch_tokens <= 100
    assert "ran out of memory: batches of at most" in caplog.text


def test_a_single_text_too_large_is_an_error(stories):
    encoder = load_encoder(str(stories), paradigm="dense", like="lion")

    def none(token_ids, mask):
        raise torch.OutOfMemoryError("simulated")

    encoder.backbone.hidden_states = none
    with pytest.raises(torch.OutOfMemoryError):
        encoder.encode_documents(["a story", "another"])


@pytest.mark.parametrize("paradigm", ["sparse", "dense"])
def test_wanted_rows_have_the_bits_they_have_among_all(stories, paradigm):
    encoder = load_encoder(str(stories), paradigm=paradigm, like="lion")
    encoder.batch_size = 4
    token_ids = encoder.document_token_ids([f"story {'x ' * (i % 7)}{i}" for i in range(30)])
    everything = encoder.encode_document_tokens(token_ids)
    wanted = range(11, 17)
    found = set()
    for rows, vectors, faulty in encoder.document_batches(token_ids, only=wanted):
        assert abs(vectors - everything[rows]).max() == 0 and not faulty
        assert found.isdisjoint(rows) and not set(wanted).isdisjoint(rows)
        found |= set(rows)
    assert set(wanted) <= found and len(found) < len(token_ids)


def test_rows_that_are_not_finite_are_reported_on_demand(stories):
    encoder = load_encoder(str(stories), paradigm="dense", like="lion")
    token_ids = encoder.document_token_ids(["a", "b", "c"])
    encoder.backbone.decoder.get_input_embeddings().weight[token_ids[1][-1]] = torch.nan
    ((rows, vectors, faulty),) = encoder.document_batches(token_ids)
    assert faulty == [1] and sorted(rows) == [0, 1, 2]
    assert np.isfinite(vectors[[place for place, row in enumerate(rows) if row != 1]]).all()
