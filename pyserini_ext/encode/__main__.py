"""``python -m pyserini_ext.encode``; ``python -m pyserini.encode`` becomes it for our encoders."""

import sys

try:
    from pyserini_ext.encode.command import main
except KeyboardInterrupt:  # the imports take seconds
    print("Interrupted before anything was written.", file=sys.stderr)
    raise SystemExit(130) from None

if __name__ == "__main__":
    raise SystemExit(main(prog="python -m pyserini.encode"))
