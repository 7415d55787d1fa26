"""What MultIO 2.12 gets wrong, right here; docs/differences-from-multio.md lists them by these numbers."""

import numpy as np
import pytest

from dte_hpc.base.field import Field, Metadata
from dte_hpc.postproc.action import Context, MaskedField
from dte_hpc.postproc.statistics.action import Statistics, StatisticsOptions, WindowOptions


def run(frequency, operations, samples, *, first=1, **options):
    """Return the values of all that comes out of these samples, a row each, a step each."""
    chosen = StatisticsOptions(
        output_frequency=frequency, operations=tuple(operations), options=WindowOptions(**options)
    )
    action = Statistics(chosen, Context())
    return [
        out.field.values
        for step, values in enumerate(samples, start=first)
        for out in action.process(
            MaskedField(
                field=Field(
                    metadata=Metadata({"date": 20260101, "time": 0, "param": 130, "step": step}),
                    values=np.atleast_1d(values),
                )
            )
        )
    ]


def test_defect_1_the_maximum_of_negative_values_is_the_largest_of_them():
    (found,) = run("6h", ["maximum"], np.array([-6.0, -5.0, -4.0, -3.0, -2.5, -7.0]))
    assert found == [-2.5]  # MultIO: 2.2e-308


@pytest.mark.parametrize("operations", [("average", "minimum"), ("average", "minimum", "maximum", "stddev")])
def test_defect_2_a_threshold_counts_each_sample_once_however_many_operations(operations):
    samples = np.array([[float(step), step if step > 12 else np.nan] for step in range(1, 25)])
    for threshold, second in ((12, 18.5), (13, np.nan)):
        mean, least = run("1d", operations, samples, value_count_threshold=threshold)[:2]
        np.testing.assert_array_equal(mean, [12.5, second])  # MultIO: 8.667
        np.testing.assert_array_equal(least, [1.0, 13.0 if threshold == 12 else np.nan])


@pytest.mark.parametrize("initial", [False, True])
def test_defect_6_backward_windows_have_every_sample(initial):
    options = {"window_type": "backward-offset", "initial_condition_present": initial}
    found = run("6h", ["average"], np.arange(24.0), first=0, **options)
    np.testing.assert_array_equal(np.ravel(found), [2.5, 8.5, 14.5, 20.5])  # MultIO: 3, 9, 15 or an abort


def test_defect_7_the_mean_of_a_month_of_float32_is_right_to_float32():
    random = np.random.default_rng(7)
    samples = (99999.0 + random.normal(0, 0.1, (31 * 144, 3))).astype(np.float32)
    (found,) = run("1m", ["average"], samples, time_step=600)
    np.testing.assert_allclose(found, samples.astype(np.float64).mean(axis=0), rtol=1e-12)


def test_defect_8_the_deviation_is_of_the_samples_that_are_there():
    samples = np.random.default_rng(8).normal(280.0, 7.0, (24, 3))
    samples[:, 0] = np.nan
    samples[::3, 1] = np.nan
    (found,) = run("1d", ["stddev"], samples, value_count_threshold=1)
    np.testing.assert_allclose(found, [np.nan, *np.nanstd(samples[:, 1:], axis=0)], rtol=1e-12)
    (found,) = run("1d", ["stddev"], samples)
    np.testing.assert_allclose(found, np.std(samples, axis=0), rtol=1e-12)  # nor guesses without a threshold
