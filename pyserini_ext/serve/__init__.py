"""Indexes behind Pyserini's REST and MCP servers. :mod:`pyserini_ext.serve.command` is the map."""
