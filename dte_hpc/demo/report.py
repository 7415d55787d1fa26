"""What did it cost to answer?

One table: for each query its points, the bytes read, the bytes of the whole fields, those of the 4-D
box around the request, the reduction, the seconds, and how near the values are to the closed form.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dte_hpc.demo.check import Check
from dte_hpc.extract.account import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One query's row."""

    name: str
    account: Account
    check: Check

    def as_dict(self) -> dict[str, Any]:
        """Return the row as plain values, for JSON."""
        return {"query": self.name, **self.account.as_dict(), **asdict(self.check)}


HEADS = (
    "query",
    "points",
    "fields",
    "bytes read",
    "whole fields",
    "4-D box",
    "reduction",
    "seconds",
    "error",
    "allowed",
)


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the table as text, one line a query."""
    rows = [HEADS, *(_row(outcome) for outcome in outcomes)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def _row(outcome: Outcome) -> tuple[str, ...]:
    account, check = outcome.account, outcome.check
    return (
        outcome.name,
        f"{account.points:,}",
        f"{account.fields:,}",
        f"{account.bytes_read:,}",
        f"{account.bytes_whole_fields:,}",
        f"{account.bytes_bounding_box:,}",
        f"{100 * account.reduction:.4f} %",
        f"{account.total_seconds:.4f}",
        f"{check.largest_error:.2e}",
        f"{check.largest_allowed:.2e}",
    )
