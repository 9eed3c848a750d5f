import pytest

from llm_encoders import registry
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
    places = (preset.folder, preset.adapter, preset.model, preset.unavailable)
    assert sum(map(bool, places)) == 1
    if preset.adapter:
        assert preset.backbone and registry.find(preset.adapter) is preset
    for score in preset.scores:
        assert score["source"].startswith(("arXiv ", "https://"))


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


def test_spec_with_options():
    assert registry.parse_spec("llm-splade-8b") == ("llm-splade-8b", {})
    name, options = registry.parse_spec("me/adapter,paradigm=sparse,backbone=/models/llama-3")
    assert name == "me/adapter"
    assert options == {"paradigm": "sparse", "backbone": "/models/llama-3"}
    with pytest.raises(UsageError, match="unknown option 'paradim'. Did you mean 'paradigm'"):
        registry.parse_spec("me/adapter,paradim=sparse")


def test_existing_path_is_never_split(tmp_path):
    folder = tmp_path / "odd,paradigm=sparse"
    folder.mkdir()
    assert registry.parse_spec(str(folder)) == (str(folder), {})
