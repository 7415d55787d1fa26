"""Which events are worth a line in a log?

Only trouble that was lived with: a damaged record passed over. A program that wants more listens itself.
Lines go to the logger ``dte_hpc``, which without configuration writes to standard error.
"""

import logging

from dte_hpc.base.events import Event, NotStriped, RecordSkipped

_LOGGER = logging.getLogger("dte_hpc")


def log_trouble(event: Event) -> None:
    """Listen, and log what was passed over as a warning."""
    if isinstance(event, RecordSkipped):
        _LOGGER.warning("dte: skipped %s: %s", event.where, event.reason)
    elif isinstance(event, NotStriped):
        _LOGGER.warning("dte: %s is not striped as configured: %s", event.where, event.reason)
