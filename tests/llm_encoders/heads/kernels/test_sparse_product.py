"""The sparse product against the dense one, also where autocast is on around it."""

import contextlib

import pytest
import torch

from llm_encoders.heads.kernels.sparse_product import sparse_product


@pytest.mark.parametrize("autocast", [False, True])
def test_equals_the_dense_product(autocast):
    generator = torch.Generator().manual_seed(2)
    matrix = torch.randn(6, 9, generator=generator)
    matrix[torch.rand(6, 9, generator=generator) < 0.5] = 0
    dense = torch.randn(9, 4, generator=generator)
    rows, columns = matrix.nonzero(as_tuple=True)
    order = torch.randperm(len(rows), generator=generator)
    rows, columns = rows[order], columns[order]
    context = torch.autocast("cpu", torch.bfloat16) if autocast else contextlib.nullcontext()
    with context:
        found = sparse_product(rows, columns, matrix[rows, columns], 6, dense)
    torch.testing.assert_close(found, matrix @ dense)
