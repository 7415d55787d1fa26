"""How does the demonstration go?

The model streams; when everything is flushed, the first model rank puts the queries to the extraction
ranks, checks every value, and leaves CoverageJSON and pictures in the folder.
"""

import json
from collections.abc import Callable
from pathlib import Path

from dte_hpc.base.errors import CorruptData, InvalidConfig
from dte_hpc.demo.check import check, exact
from dte_hpc.demo.model import Run, run_model
from dte_hpc.demo.plan import demo_job
from dte_hpc.demo.queries import Query, queries
from dte_hpc.demo.report import Outcome
from dte_hpc.extract.answer import Answer
from dte_hpc.fdb import FDB
from dte_hpc.job import ModelRank, Ranks
from dte_hpc.job import run as run_job

Progress = Callable[[int, int], None]
Told = Callable[[list[Outcome]], None]


def run_demo(
    folder: Path, run: Run, ranks: Ranks, *, progress: Progress, told: Told, pictures: bool = True
) -> None:
    """Run the demonstration in a job of this program.

    Collective over the whole job. `progress` and `told` are called on the first model rank only.

    Raises
    ------
    CorruptData
        When a value differs from the closed form by more than its packing error.
    """
    if ranks.extract < 1:
        raise InvalidConfig(f"the demonstration has {ranks.extract} extraction ranks; expected at least one")
    config = demo_job(folder, ranks)

    def model(rank: ModelRank) -> None:
        for step in run_model(rank, run):
            if rank.rank == 0:
                progress(step + 1, run.n_hours + 1)
        if rank.rank == 0:
            told(_ask(rank, folder, run, FDB(config.store), pictures=pictures))

    run_job(model, config)


def _ask(rank: ModelRank, folder: Path, run: Run, store: FDB, *, pictures: bool) -> list[Outcome]:
    outcomes = []
    for query in queries(run):
        answer: Answer = rank.extract.extract(query.request)
        outcome = Outcome(name=query.name, account=answer.account, check=check(query, answer, store))
        outcomes.append(outcome)
        (folder / f"{query.name}.covjson").write_text(json.dumps(answer.to_covjson()), encoding="utf-8")
        if pictures:
            _draw(folder / f"{query.name}.png", query, answer, store)
        if outcome.check.n_wrong:
            raise _wrong(outcome, answer)
    return outcomes


def _wrong(outcome: Outcome, answer: Answer) -> CorruptData:
    found = outcome.check
    return CorruptData(
        f"{found.n_wrong} of {answer.values.size} values of the {outcome.name} differ from the closed form "
        f"by up to {found.largest_error}; expected at most {found.largest_allowed}"
    )


def _draw(path: Path, query: Query, answer: Answer, store: FDB) -> None:
    from dte_hpc.demo import pictures

    if query.name == "flight":
        pictures.draw_flight(path, query, answer, store)
    elif query.name == "series":
        pictures.draw_series(path, query, answer, exact(query, answer))
    else:
        pictures.draw_country(path, query, answer)
