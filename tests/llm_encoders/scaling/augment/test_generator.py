"""Language models write the same query for a passage whatever shares its batch."""

import json
import shutil

import numpy as np
import pytest
import transformers

from llm_encoders import EncoderError, UsageError
from llm_encoders.scaling.augment.augmentation import Generation
from llm_encoders.scaling.augment.decoding import first_line, uniforms
from llm_encoders.scaling.augment.generator import Generator, generator_folder
from llm_encoders.scaling.augment.prompt import DEFAULT, fill
from tests.llm_encoders.conftest import BACKBONE
from tests.llm_encoders.scaling.augment.conftest import DOCUMENTS

TOKENS = 12


@pytest.fixture(params=["causal", "from sequence to sequence"])
def folder(request):
    return request.getfixturevalue("stories" if request.param == "causal" else "t5")


def generation(folder, **options):
    return Generation(str(folder), DEFAULT, query_tokens=TOKENS, **options)


def written(generator, numbers=None, size=4):
    prompts = [generator.prompt_ids(title, text) for _, title, text in DOCUMENTS]
    return [
        one
        for first in range(0, len(prompts), size)
        for one in generator.write(
            prompts[first : first + size],
            None if numbers is None else numbers[first : first + size],
        )
    ]


def test_greedy_queries_are_those_of_transformers(folder):
    """One passage at a time, by its own greedy search, without any padding."""
    found = written(Generator(folder, generation(folder), "cpu"))
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    causal = "ForCausalLM" in config["architectures"][0]
    kind = transformers.AutoModelForCausalLM if causal else transformers.AutoModelForSeq2SeqLM
    model = kind.from_pretrained(folder).eval()
    for (_, title, text), one in zip(DOCUMENTS, found, strict=True):
        inputs = tokenizer(fill(DEFAULT, title, text), return_tensors="pt")
        ids = model.generate(**inputs, do_sample=False, max_new_tokens=TOKENS)[0]
        own = ids[inputs["input_ids"].shape[1] if causal else 1 :]
        wanted = tokenizer.decode(own, skip_special_tokens=True)
        assert one.query == first_line(wanted)
    assert len({one.query for one in found}) > 2


def test_batches_change_nothing(folder):
    greedy = Generator(folder, generation(folder), "cpu")
    assert written(greedy, size=1) == written(greedy, size=6)
    options = generation(folder, temperature=20.0, top_k=50)
    drawing = Generator(folder, options, "cpu")
    numbers = np.concatenate([uniforms(1, row, options, 1) for row in range(len(DOCUMENTS))])
    drawn = written(drawing, numbers, size=1)
    assert drawn == written(drawing, numbers, size=6) != written(greedy)
    assert drawn != written(drawing, numbers[::-1].copy(), size=6)


def test_a_query_that_was_cut_off_is_known(stories):
    found = written(Generator(stories, generation(stories), "cpu"))
    assert not any(one.whole for one in found)
    ending = Generator(stories, generation(stories), "cpu")
    ending._ends = set(range(512))
    assert all(one.whole for one in written(ending))


def test_a_long_passage_loses_its_end_and_the_prompt_stays(stories):
    options = Generation(str(stories), "Read: {text}\nAsk:", query_tokens=8, prompt_tokens=60)
    generator = Generator(stories, options, "cpu")
    ids = generator.prompt_ids(None, "The cat sat on the mat with the dog. " * 50)
    text = generator.tokenizer.decode(ids, skip_special_tokens=True)
    assert 50 < len(ids) <= 60
    assert text.startswith("Read: The cat sat on the mat") and text.endswith("\nAsk:")
    titled = Generation(str(stories), "{title} {text}", query_tokens=8, prompt_tokens=60)
    with pytest.raises(UsageError, match="without the text of a passage, and 60 are read"):
        Generator(stories, titled, "cpu").prompt_ids("title " * 100, "text")


def test_no_room_for_a_passage(stories):
    options = Generation(str(stories), DEFAULT, query_tokens=512)
    with pytest.raises(UsageError, match="reads 512 tokens; queries of 512 tokens leave no room"):
        Generator(stories, options, "cpu")


def test_settings_of_the_folder_for_sampling_are_not_used(stories, tmp_path):
    folder = tmp_path / "own"
    shutil.copytree(stories, folder)
    path = folder / "generation_config.json"
    path.chmod(0o644)
    own = json.loads(path.read_text())
    path.write_text(
        json.dumps(
            {**own, "do_sample": True, "repetition_penalty": 9.0, "max_length": 20, "num_beams": 3}
        )
    )
    wanted = written(Generator(stories, generation(stories), "cpu"))
    assert written(Generator(folder, generation(folder), "cpu")) == wanted


def test_chat_needs_a_template(stories, tmp_path):
    with pytest.raises(UsageError, match="--chat: the tokenizer of .* has no chat template"):
        Generator(stories, generation(stories, chat=True), "cpu")
    folder = tmp_path / "chat"
    shutil.copytree(stories, folder)
    (folder / "chat_template.jinja").write_text(
        "<s>{% for m in messages %}[{{ m.role }}] {{ m.content }}{% endfor %}"
        "{% if add_generation_prompt %} [assistant]{% endif %}"
    )
    generator = Generator(folder, generation(folder, chat=True), "cpu")
    ids = generator.prompt_ids("Cats", "Cats hunt.")
    text = generator.tokenizer.decode(ids)
    assert text.startswith("<s>") and not text.startswith("<s><s>")
    assert "[user] Title: Cats\nPassage: Cats hunt." in text and text.endswith("[assistant]")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"architectures": ["LlamaModel"]}, "architecture LlamaModel, which writes no text"),
        ({"architectures": ["BertForMaskedLM"]}, "BertForMaskedLM, which writes no text"),
        ({"architectures": None}, "architecture unknown, which writes no text"),
    ],
)
def test_a_model_that_writes_nothing(tmp_path, change, said):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama", **change}))
    with pytest.raises(EncoderError, match=said):
        generator_folder(str(tmp_path))


def test_encoders_adapters_and_nothing_are_refused(tmp_path):
    with pytest.raises(UsageError, match="generator: 'nowhere' is neither a folder nor a Hub id"):
        generator_folder("nowhere")
    with pytest.raises(EncoderError, match="has no config.json. Name the folder of a whole model"):
        generator_folder(str(tmp_path))
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(EncoderError, match="It is an adapter: merge it by PEFT"):
        generator_folder(str(tmp_path))
    with pytest.raises(UsageError, match="is an encoder .* writes no text"):
        generator_folder(str(BACKBONE.parent / "sparse"))


def test_absent_weights_code_and_vocabulary_are_refused(stories, t5, tmp_path):
    code = tmp_path / "code"
    shutil.copytree(t5, code)
    config = json.loads((code / "config.json").read_text())
    (code / "config.json").write_text(
        json.dumps({**config, "auto_map": {"AutoModelForSeq2SeqLM": "own.Model"}})
    )
    with pytest.raises(EncoderError, match="names code of its own .*the queries would not be"):
        Generator(code, generation(code), "cpu")
    bare = tmp_path / "bare"
    shutil.copytree(stories, bare)
    (bare / "tokenizer.json").unlink()
    with pytest.raises(EncoderError, match="bare has no tokenizer"):
        Generator(bare, generation(bare), "cpu")
    (bare / "config.json").chmod(0o644)
    config = json.loads((bare / "config.json").read_text())
    (bare / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 6}))
    with pytest.raises(EncoderError, match=r"lacks weights \(.*layers.5.*queries would be random"):
        Generator(bare, generation(bare), "cpu")


def settings_of(stories, folder, **settings):
    """A copy of a generator with other settings for generation."""
    shutil.copytree(stories, folder)
    path = folder / "generation_config.json"
    known = json.loads(path.read_text()) if path.is_file() else {}
    path.write_text(json.dumps(known | settings))
    return folder


def test_tokens_that_the_model_does_not_have_are_refused(stories, tmp_path):
    for value in (99_999, [2, 99_999]):
        folder = settings_of(stories, tmp_path / str(value), eos_token_id=value)
        with pytest.raises(EncoderError, match="eos_token_id is 99999 in generation_config.json"):
            Generator(folder, generation(folder), "cpu")


def test_no_padding_token_as_the_first_llamas_write_it(stories, tmp_path):
    folder = settings_of(stories, tmp_path / "llama", pad_token_id=-1)
    assert written(Generator(folder, generation(folder), "cpu")) == written(
        Generator(stories, generation(stories), "cpu")
    )
