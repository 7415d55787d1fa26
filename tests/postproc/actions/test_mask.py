"""What a mask does to a field, and that it leaves the field it was given alone."""

import numpy as np
import pytest

from dte_hpc.base.errors import InvalidPart
from dte_hpc.base.field import Field, Metadata
from dte_hpc.postproc.action import Context, MaskedField
from dte_hpc.postproc.actions.mask import Mask, MaskOptions


def run(options, mask, param="sst"):
    values = np.array([1.0, 2.0, 3.0, np.nan], dtype=np.float32)
    item = MaskedField(field=Field(metadata=Metadata({"param": param}), values=values), mask=mask)
    before = values.copy()
    (out,) = Mask(options, Context()).process(item)
    np.testing.assert_array_equal(values, before)
    return item, out


def test_points_outside_become_missing_and_the_rest_is_shifted():
    mask = np.array([True, False, True, True])
    _, out = run(MaskOptions(offset_fields=("sst",), offset_value=10.0), mask)
    np.testing.assert_array_equal(out.field.values, np.float32([11, np.nan, 13, np.nan]))
    assert out.field.values.dtype == np.float32


def test_nothing_to_do_is_no_copy():
    for options, mask in ((MaskOptions(), None), (MaskOptions(apply_bitmap=False), np.zeros(4, dtype=bool))):
        item, out = run(options, mask)
        assert out is item


def test_a_mask_of_another_size_names_the_field():
    with pytest.raises(InvalidPart, match="param=sst has 4 values and a mask of 3"):
        run(MaskOptions(), np.ones(3, dtype=bool))
