"""How many tokens a batch may have: by free memory on a GPU, by measured speed on a CPU."""

import torch

from llm_encoders.checkpoints.backbone import Backbone
from llm_encoders.heads.kernels.chunked import VOCABULARY_CHUNK

# On a CPU the temporaries should stay below 32 MiB, from where on the C library returns every
# freed block to the system: 1.6 times the documents per second of 16,384 with the tiny models.
_CPU_TOKENS = 2048
# A batch of a large model must not take minutes: some 35 seconds on two cores that compute 30
# billion operations a second. It takes two a parameter and token.
_CPU_OPERATIONS = 1e12
_OTHER_TOKENS = 16384
# Beyond some ten thousand tokens a batch, matrix products gain nothing more.
_GPU_TOKENS = (2048, 65536)
_USED_SHARE = 0.5
_SHORT_TEXT = 32


def token_budget(backbone: Backbone) -> int:
    """Largest number of tokens of a batch, padding included, before memory has been tried."""
    device = backbone.device
    if device.type == "cpu":
        parameters = sum(weight.numel() for weight in backbone.decoder.parameters())
        return int(min(_CPU_TOKENS, max(1, _CPU_OPERATIONS / (2 * max(1, parameters)))))
    if device.type != "cuda":
        return _OTHER_TOKENS
    free, _ = torch.cuda.mem_get_info(device)
    smallest, largest = _GPU_TOKENS
    return int(min(max(_USED_SHARE * free / _bytes_per_token(backbone), smallest), largest))


def _bytes_per_token(backbone: Backbone) -> float:
    """Activations of one layer at their widest, and the head's share."""
    sizes = backbone.decoder.config.to_dict()
    hidden = backbone.hidden_size
    width = 8 * hidden + 3 * int(sizes.get("intermediate_size", 4 * hidden))
    layer = float(width * backbone.decoder.dtype.itemsize)
    if backbone.head is None:
        return layer
    # A slice of logits a token; keys, weights and their copies, 24 bytes a term, a text.
    return layer + 4 * VOCABULARY_CHUNK + 24 * len(backbone.head) / _SHORT_TEXT
