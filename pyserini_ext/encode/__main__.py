"""``python -m pyserini_ext.encode``, which ``python -m pyserini.encode`` runs for our encoders."""

from pyserini_ext.encode.command import main

raise SystemExit(main(prog="python -m pyserini_ext.encode"))
