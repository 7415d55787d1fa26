"""How many of something may a user ask for?"""

from dte_hpc.base.errors import InvalidConfig

MAX_RANKS = 1024
"""Ranks on one machine; more are a slip of the keyboard, under which the launcher would hang."""


def refuse_outside(option: str, count: int, least: int, most: int, what: str) -> None:
    """Raise InvalidConfig unless a count lies between two others, both included."""
    if not least <= count <= most:
        raise InvalidConfig(f"{option} is {count}; expected {least} to {most}{what}", option=option)


def refuse_ranks(**counts: int) -> None:
    """Raise InvalidConfig for a role without a rank, or with more than a machine can start."""
    for role, count in counts.items():
        refuse_outside(f"--{role}", count, 1, MAX_RANKS, " ranks")
