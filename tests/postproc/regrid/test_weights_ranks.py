"""Several ranks that want the same missing weights at once all get them, and leave one file."""

import numpy as np
import pytest

from dte_hpc.postproc.regrid.weights import load_weights, weights_path

pytest.importorskip("mir", reason="mir-python, which makes weights, is not installed")


@pytest.mark.mpi(min_size=2)
def test_ranks_race_for_missing_weights(mpi_tmp_path):
    weights = load_weights("O16", "10/10", "linear", mpi_tmp_path)
    np.testing.assert_allclose(np.add.reduceat(weights.weights, weights.indptr[:-1]), 1.0, rtol=1e-14)
    left = [path.name for path in mpi_tmp_path.iterdir() if not path.name.startswith(".")]
    assert left == [weights_path("O16", "10/10", "linear", mpi_tmp_path).name]
