"""What is the work of post-processing?

Fields of a model on 0.25 degrees (`work.model_field`), and what they are called on either side.
"""

import numpy as np
import work
from postproc_rows import promises

N_POINTS = work.ROWS * work.COLUMNS
COUNTS = {promise.case.name: promise.case.count for promise in promises()}
N_LEVELS = 8
FOUR = ("average", "minimum", "maximum", "accumulate")


def fields(count: int = work.N_FIELDS_MADE) -> list[np.ndarray]:
    """Return the model's fields, which are written over and over again."""
    return [work.model_field(number) for number in range(count)]


def octahedral_fields(count: int) -> list[np.ndarray]:
    """Return fields on O320."""
    random = np.random.default_rng(320)
    return [270 + 20 * np.sin(np.linspace(0, 400, 421_120)) + random.random(421_120) for _ in range(count)]


def further_keys(count: int) -> list[dict[str, int]]:
    """Return what differs from field to field of a kind: step, level, member."""
    return [{"step": 1 + n // 40, "levelist": 1 + n % 20, "number": 1 + n // 20 % 2} for n in range(count)]
