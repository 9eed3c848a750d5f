"""Write a trained backbone or adapter as the package ships it: float16, nothing that is not loaded.

python reproductions/tiny/ship.py --trained runs/tiny/trained-backbone --start runs/tiny/start \
    --output runs/tiny/backbone
python reproductions/tiny/ship.py --trained runs/tiny/trained-sparse --output runs/tiny/sparse
"""

import argparse
import json
import shutil
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file

ADAPTER = "adapter_model.safetensors"
BACKBONE = "model.safetensors"


def halve(source: Path, target: Path) -> None:
    """Copy a safetensors file, its weights rounded to float16."""
    with safe_open(source, "pt") as file:
        tensors = {name: file.get_tensor(name).half() for name in file.keys()}  # noqa: SIM118
        save_file(tensors, target, metadata=file.metadata())
    target.chmod(0o644)  # safetensors files are made for their owner alone


def ship_adapter(trained: Path, output: Path) -> None:
    """Copy an adapter that ``llm_encoders.train`` made.

    Write the copy next to the original, because its path to the backbone is relative.
    """
    halve(trained / ADAPTER, output / ADAPTER)
    for name in ("adapter_config.json", "encoder_config.json"):
        shutil.copyfile(trained / name, output / name)


def ship_backbone(trained: Path, start: Path, output: Path) -> None:
    """Copy a backbone that ``llm_encoders.train`` made, as a plain causal language model."""
    halve(trained / BACKBONE, output / BACKBONE)
    config = json.loads((trained / "config.json").read_text(encoding="utf-8"))
    config.pop("is_causal", None)
    config["dtype"] = "float16"
    (output / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    for name in ("generation_config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(start / name, output / name)


def main() -> None:
    """Parse the command line and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trained", type=Path, required=True, help="folder of a finished run")
    parser.add_argument("--start", type=Path, help="for a backbone: the folder that it began with")
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    if (args.trained / ADAPTER).is_file():
        ship_adapter(args.trained, args.output)
    elif args.start is None:
        parser.error("a backbone needs --start")
    else:
        ship_backbone(args.trained, args.start, args.output)


if __name__ == "__main__":
    main()
