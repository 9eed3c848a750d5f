"""Write the first layers of an encoder as a backbone.

python reproductions/scalingnote/shorten.py --encoder llm-dense-tiny --layers 1 \\
  --output runs/scalingnote/start-1

Embeddings and final norm are the encoder's, with its adapter merged.
"""

import argparse
import shutil
from pathlib import Path

from llm_encoders import load_encoder
from llm_encoders.distill_query.students.layers import keep_layers


def shorten(name: str, layers: int, output: Path) -> None:
    """Write the first ``layers`` layers of an encoder into a folder, which is replaced."""
    encoder = load_encoder(name, device="cpu", dtype="float32")
    model = encoder.backbone.model
    count = model.config.get_text_config().num_hidden_layers
    if layers > count:
        raise SystemExit(f"--layers is {layers}, but {name} has {count} layers.")
    keep_layers(model, list(range(layers)))
    model.config.is_causal = None
    shutil.rmtree(output, ignore_errors=True)
    model.save_pretrained(output)
    encoder.backbone.tokenizer.save_pretrained(output)
    encoder.config.save(output)


def main() -> None:
    """Parse the command line and write the backbone."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--encoder", required=True, help="name or folder")
    parser.add_argument("--layers", type=int, required=True, help="how many are kept")
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    args = parser.parse_args()
    shorten(args.encoder, args.layers, args.output)


if __name__ == "__main__":
    main()
