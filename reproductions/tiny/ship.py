"""Write a trained adapter as the package ships it: float16, without tokenizer and recipe.

python reproductions/tiny/ship.py --trained runs/tiny/trained-sparse --output runs/tiny/sparse
"""

import argparse
import shutil
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file

WEIGHTS = "adapter_model.safetensors"
COPIED = ("adapter_config.json", "encoder_config.json")


def ship(trained: Path, output: Path) -> None:
    """Copy an adapter that ``llm_encoders.train`` made, its weights rounded to float16.

    Write the copy next to the original, because its path to the backbone is relative.
    """
    output.mkdir(parents=True, exist_ok=True)
    with safe_open(trained / WEIGHTS, "pt") as file:
        tensors = {name: file.get_tensor(name).half() for name in file.keys()}  # noqa: SIM118
        save_file(tensors, output / WEIGHTS, metadata=file.metadata())
    (output / WEIGHTS).chmod(0o644)  # safetensors files are made for their owner alone
    for name in COPIED:
        shutil.copyfile(trained / name, output / name)


def main() -> None:
    """Parse the command line and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trained", type=Path, required=True, help="folder of a finished run")
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    args = parser.parse_args()
    ship(args.trained, args.output)


if __name__ == "__main__":
    main()
