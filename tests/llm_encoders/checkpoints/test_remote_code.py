"""Nothing is fetched from the Hub to be run, whatever is installed and whatever a file says."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from llm_encoders import EncoderError, UsageError, load_encoder, registry
from llm_encoders.checkpoints.remote_code import keep_remote_code_out

BACKBONE = registry.presets()["llm-splade-tiny"].local_folder.parent / "backbone"

# Stands for the package `kernels`: every way of fetching leaves a mark.
_PACKAGE = """
import pathlib
def get_kernel(*words, **options):
    (pathlib.Path(__file__).parent / "fetched").write_text(str(words))
    raise RuntimeError("a kernel was fetched")
class _Anything:
    def __init__(self, *words, **options): pass
    def __call__(self, *words, **options): return lambda kind: kind
CUDAProperties = Device = KernelizeFallback = LayerRepository = LocalLayerRepository = _Anything
Mode = ROCMProperties = _Anything
def use_kernel_forward_from_hub(name): return lambda kind: kind
use_kernelized_func = use_kernel_forward_from_hub
register_kernel_mapping = replace_kernel_forward_from_hub = use_kernel_mapping = _Anything()
kernelize = load_kernel = get_kernel
"""


@pytest.fixture
def with_kernels(tmp_path) -> Path:
    """A folder for PYTHONPATH in which ``kernels`` is installed."""
    folder = tmp_path / "site"
    (folder / "kernels" / "layer").mkdir(parents=True)
    (folder / "kernels" / "__init__.py").write_text(_PACKAGE)
    (folder / "kernels" / "layer" / "__init__.py").write_text("")
    (folder / "kernels" / "layer" / "mode.py").write_text("class Mode: pass\n")
    (folder / "kernels-0.16.0.dist-info").mkdir()
    (folder / "kernels-0.16.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: kernels\nVersion: 0.16.0\n"
    )
    return folder


def copy_of_backbone(folder: Path, **changes) -> Path:
    shutil.copytree(BACKBONE, folder)
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return folder


@pytest.mark.parametrize(
    "before",
    [
        pytest.param("", marks=pytest.mark.whole),
        pytest.param("import transformers", marks=pytest.mark.whole),
        "import transformers, kernels",
    ],
)
def test_no_kernel_is_fetched_where_the_package_is_installed(with_kernels, before):
    """The three doors: an attention of the Hub, flash attention's stand-in, bitsandbytes."""
    code = f"""
import sys
sys.path.insert(0, {str(with_kernels)!r})
{before}
import llm_encoders
from llm_encoders.checkpoints.remote_code import close_kernels
for how in ({{"attention_implementation": "flash_attention_2"}}, {{"quantization": "4bit"}}):
    try:
        llm_encoders.load_encoder("llm-splade-tiny", device="cpu", **how).encode_queries(["rain"])
    except llm_encoders.EncoderError as error:
        print(error)
try:
    from kernels import get_kernel
    get_kernel("kernels-community/anything", version=1)
except ImportError as error:
    print("closed")
from transformers.integrations import hub_kernels
try:
    hub_kernels.get_kernel("kernels-community/anything", version=1)
except ImportError:
    print("closed")
assert hub_kernels.lazy_load_kernel("causal-conv1d") is None
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("closed") == 2
    assert not (with_kernels / "kernels" / "fetched").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"attn_implementation": "org/kernel"},
        {"_attn_implementation": "org/kernel@v1:forward"},
        {"_attn_implementation_internal": "org/kernel"},
        {"attn_implementation": {"text_config": "org/kernel"}},
        {"text_config": {"attn_implementation": "org/kernel"}},
        {"experts_implementation": "org/kernel"},
        {"kernel_config": {"RMSNorm": "org/kernel:RMSNorm"}},
        {"kernels": ["org/kernel"]},
    ],
)
def test_kernels_that_a_configuration_names_are_refused(tmp_path, changes):
    folder = copy_of_backbone(tmp_path / "model", **changes)
    with pytest.raises(EncoderError, match=r"config\.json: .* names 'org/kernel.*; remove the key"):
        load_encoder(str(folder), paradigm="dense", like="lion")


def test_a_kernel_that_the_user_names_is_refused():
    with pytest.raises(UsageError, match="attention_implementation is 'org/kernel'"):
        load_encoder("llm-splade-tiny", attention_implementation="org/kernel")


def test_numbers_and_other_names_of_kernels_are_no_code(tmp_path):
    folder = copy_of_backbone(tmp_path / "model", conv_kernel=[5, 3], kernel_size=3, note="a/b")
    keep_remote_code_out(folder)
