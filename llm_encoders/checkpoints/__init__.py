"""From a name to files, contract, backbone, adapter and tokenizer."""
