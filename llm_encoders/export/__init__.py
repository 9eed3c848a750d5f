"""An encoder as a folder that sentence-transformers loads."""
