"""Sparsity regularisers, one a file. A new one is a file here and a line in :data:`REGULARISERS`.

The ramp of their weight is :mod:`llm_encoders.train.regularisers.ramp`.
"""

from llm_encoders.train.regularisers.flops import FLOPS
from llm_encoders.train.regularisers.idf_flops import IDF_FLOPS
from llm_encoders.train.regularisers.l1 import L1
from llm_encoders.train.regularisers.regulariser import Regulariser

REGULARISERS: dict[str, Regulariser] = {one.name: one for one in (FLOPS, L1, IDF_FLOPS)}
"""By name."""

__all__ = ["REGULARISERS", "Regulariser"]
