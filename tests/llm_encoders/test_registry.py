from importlib import resources

import pytest

from llm_encoders import registry
from llm_encoders.checkpoints.resolve import resolve
from llm_encoders.errors import EncoderError, UsageError


def test_promised_names_exist():
    names = {
        f"llm-{kind}-{size}" for kind in ("splade", "dense") for size in ("tiny", "1b", "3b", "8b")
    }
    assert names < set(registry.presets())


@pytest.mark.parametrize("name", sorted(registry.presets()))
def test_preset_says_where_its_weights_are(name):
    preset = registry.presets()[name]
    if name.startswith("llm-"):
        assert preset.contract.paradigm == ("sparse" if "splade" in name else "dense")
    assert preset.licence and preset.citation and preset.description
    places = (preset.folder, preset.adapter, preset.model)
    assert sum(map(bool, places)) == (0 if preset.unavailable and not preset.foreign else 1)
    if preset.repository:
        assert registry.find(preset.repository.upper()) is preset
    if preset.adapter:
        assert preset.backbone
    for score in preset.scores:
        assert score["source"].startswith(("arXiv ", "https://"))


def test_files_of_presets_have_their_names():
    folder = resources.files("llm_encoders.presets")
    files = {entry.name for entry in folder.iterdir() if entry.name.endswith(".yaml")}
    assert files == {f"{name}.yaml" for name in registry.presets()}


def test_each_repository_has_one_preset():
    assert registry.find_preset("") is None  # shipped ones have none
    repositories = [p.repository for p in registry.presets().values() if p.repository]
    assert len(set(repositories)) == len(repositories)


@pytest.mark.parametrize("name", sorted(registry.presets()))
def test_what_a_preset_leaves_open_is_left_to_files(name):
    """Where a preset has no layout, its contract is Lion's or it says each length itself."""
    preset = registry.presets()[name]
    if preset.layout is None and preset.repository and not preset.unavailable:
        lions = preset.repository.startswith("hzeng/Lion-")
        assert lions or {"query_max_length", "passage_max_length"} <= preset.written
        assert preset.lendable
    if preset.layout is not None and "query_max_length" not in preset.written:
        assert preset.contract.query_max_length == (preset.context_length or 64)
    if preset.contract.pooling == "last":
        assert preset.contract.attention == "causal" or name.startswith(("gte-", "kalm-"))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nv-embed-v1", "latent attention.*qwen3-embedding-8b"),
        ("nvidia/NV-Embed-v2", "latent attention.*qwen3-embedding-8b"),
        ("naver/splade-v3", "encoder like BERT.*--encoder-class splade"),
    ],
)
def test_what_cannot_be_loaded_is_refused_by_its_name(name, reason):
    with pytest.raises(EncoderError, match=f"^{name}: .*{reason}"):
        resolve(name)


def test_preset_errors_name_the_nearest_key():
    text = "name: x\ndescription: y\nlicense: z\ncitation: c\ncontract: {paradigm: sparse}\n"
    with pytest.raises(UsageError, match=r"x.yaml: unknown key 'license'. Did you mean 'licence'"):
        registry.read_preset(text, "x.yaml")
    with pytest.raises(UsageError, match="key 'licence' is missing"):
        registry.read_preset(text.replace("license: z\n", ""), "x.yaml")
    scored = text.replace("license", "licence") + "scores: [{dataset: a, metric: b, value: 1}]\n"
    with pytest.raises(UsageError, match="a score lacks source"):
        registry.read_preset(scored, "x.yaml")
    with pytest.raises(EncoderError, match="x.yaml, line 6: not valid YAML .the key 'name'"):
        registry.read_preset(f"{text}name: y\n", "x.yaml")
