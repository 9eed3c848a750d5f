"""The product of a sparse matrix, given by its entries, with a dense one."""

import warnings

import torch
from scipy.sparse import coo_array
from torch import Tensor


def sparse_product(
    rows: Tensor, columns: Tensor, values: Tensor, size: int, dense: Tensor
) -> Tensor:
    """Multiply the ``size`` x ``len(dense)`` matrix of the given entries by ``dense``.

    Args:
        rows, columns: int64 [entries], in any order, no pair twice.
        values: float32 [entries].
        size: number of rows of the result.
        dense: [columns, width].

    Returns:
        float32 [size, width].
    """
    shape = (size, len(dense))
    if dense.device.type == "cpu":
        # SciPy sorts the entries in linear time; PyTorch then multiplies on all threads.
        matrix = coo_array((values.numpy(), (rows.numpy(), columns.numpy())), shape=shape).tocsr()
        crow, column = torch.from_numpy(matrix.indptr), torch.from_numpy(matrix.indices)
        entries = torch.from_numpy(matrix.data)
    else:
        order = rows.argsort(stable=True)
        counts = torch.bincount(rows, minlength=size)
        crow = torch.nn.functional.pad(counts.cumsum(0), (1, 0))
        column, entries = columns[order], values[order]
    with warnings.catch_warnings():
        # PyTorch says so on first use; what is used here is tested against the plain formula.
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta state")
        sparse = torch.sparse_csr_tensor(crow, column, entries, shape, check_invariants=False)
    with torch.autocast(dense.device.type, enabled=False):
        return sparse @ dense.float()
