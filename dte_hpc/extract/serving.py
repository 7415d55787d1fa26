"""What may the model ranks of a job ask of its extraction ranks?

The ``extract:`` section of a job file::

    extract:
      limits: {points: 30000000, fields: 1000000, values: 200000000, bytes: 1099511627776, seconds: 3600}
      part-bytes: 4194304       # of values in one part of an answer
      parts-per-query: 4        # on their way to who asked and not yet taken
      parts-per-rank: 32        # of all queries of one model rank; a query always has one
      queries-per-rank: 256     # open at once
      gap-bytes: 2              # pieces this near are read as one; 4096 on a parallel file system far away

Of one model rank the extraction ranks hold at most ``part-bytes`` times the larger of the last two counts,
and mostly far less, as small answers are small parts.
"""

from dataclasses import dataclass, field, fields

from dte_hpc.extract.limits import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """How extraction ranks serve.

    Attributes
    ----------
    limits : Limits
        How large a request may be.
    part_bytes : int
        Of values in one part of an answer: 8 bytes each.
    parts_per_query, parts_per_rank : int
        How many parts may be on their way to who asked, for a query and for all of a model rank.
    queries_per_rank : int
        How many queries a model rank may have open at once.
    gap_bytes : int
        Pieces of a field this near are read as one.
    """

    limits: Limits = field(default_factory=Limits)
    part_bytes: int = 4 * 1024 * 1024
    parts_per_query: int = 4
    parts_per_rank: int = 32
    queries_per_rank: int = 256
    gap_bytes: int = 2

    def __post_init__(self) -> None:
        for f in fields(self):
            least, found = int(f.name != "gap_bytes"), getattr(self, f.name)
            if f.name != "limits" and found < least:
                name = f.name.replace("_", "-")
                raise ValueError(f"{name} is {found}; expected at least {least}")
