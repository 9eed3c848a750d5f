"""``python -m pyserini_ext.encode``; ``python -m pyserini.encode`` with our encoders runs the same."""

from pyserini_ext.encode.command import main

raise SystemExit(main(prog="python -m pyserini_ext.encode"))
