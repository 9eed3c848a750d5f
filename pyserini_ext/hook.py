"""The name by which ``pyserini_ext.pth`` of earlier editable installs imports the hook."""

from pyserini_ext.bridge import hook as hook
