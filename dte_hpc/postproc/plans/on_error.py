"""What happens to a plan when an action fails?

``on-error`` stands on an action, a plan, or a whole side (client, server), as a word or as
``{type: word, maxRetries: n}``. The innermost one that says anything decides.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from dte_hpc.base.config import as_mapping, describe, refuse, unknown_keyword
from dte_hpc.base.errors import InvalidConfig
from dte_hpc.postproc.options import near


class OnError(Enum):
    """What becomes of the job, or of the item."""

    PROPAGATE = "propagate"
    """The job ends with the error."""

    RECOVER = "recover"
    """The item is logged and dropped for this plan; the others go on. What fails again fails: no retries."""

    ABORT = "abort-transport"
    """On the client: the job ends, even where the model would catch the error."""


EVERYWHERE = (OnError.PROPAGATE, OnError.RECOVER)
ON_A_SIDE = (*EVERYWHERE, OnError.ABORT)


def read_on_error(
    given: Mapping[str, Any], place: str, allowed: tuple[OnError, ...] = EVERYWHERE
) -> tuple[OnError | None, list[InvalidConfig]]:
    """Return what a mapping's ``on-error`` says (None: nothing), and all that is wrong with it."""
    if "on-error" not in given:
        return None, []
    place, node = f"{place}.on-error", given["on-error"]
    words = [each.value for each in allowed]
    errors: list[InvalidConfig] = []
    try:
        if isinstance(node, Mapping):
            known = ("type", "maxRetries")
            errors += [
                unknown_keyword(place, key, known) for key in as_mapping(place, node) if key not in known
            ]
            retries = node.get("maxRetries", 0)
            if not str(retries).isdecimal():
                errors.append(refuse(f"{place}.maxRetries", describe(retries), "a whole number"))
            place, node = f"{place}.type", node.get("type")
        if node not in words:
            raise refuse(place, describe(node) + near(str(node), words), " or ".join(words))
    except InvalidConfig as error:
        return None, [*errors, error]
    return OnError(node), errors
