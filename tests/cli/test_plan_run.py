"""``dte plan run``: counts, what each sink wrote, and mistakes."""

import json
import re

import pytest

from dte_hpc.cli.main import main

PLAN = """plans:
  - name: p
    actions:
      - {type: select, match: [{param: 167}]}
      - {type: aggregate}
      - {type: encode}
      - {type: sink, sinks: [{type: file, path: 'OUT', per-server: true}]}
"""


def test_every_message_goes_through(tmp_path, data, capsys):
    plan = tmp_path / "plan.yaml"
    plan.write_text(PLAN.replace("OUT", str(tmp_path / "o.grib")))
    source = str(data / "era5-2mt-2019-03-uk.grib")
    assert main(["plan", "run", str(plan), source, "--json", "--server-index", "2"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["messages"], told["fields"], told["dropped"]) == (744, 744, 0)
    assert told["sinks"][0]["bytes"] == (tmp_path / "server-2-o.grib").stat().st_size
    assert main(["plan", "run", str(plan), str(data / "healpix_H8.grib2")]) == 0
    assert "4 that no plan selects" in capsys.readouterr().out


def test_mistakes_are_sentences(tmp_path, capsys):
    plan = tmp_path / "plan.yaml"
    plan.write_text(PLAN.replace("OUT", str(tmp_path / "o.grib")))
    assert main(["plan", "run", str(plan), str(tmp_path / "gone.grib")]) == 2
    assert "gone.grib cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("n_bytes", "words"),
    [
        (5, "message 1: .* it ends after 5 bytes, before it says how many it has"),
        (12, "message 1: .* it says it is 3342 bytes long, 12 are there"),
        (300, "message 1: .* it says it is 3342 bytes long, 300 are there"),
        (3360 + 9, "message 2: .* it says it is 3342 bytes long, 9 are there"),
    ],
)
def test_a_file_that_was_cut_off_says_how_much_is_there(tmp_path, data, capsys, n_bytes, words):
    plan, cut = tmp_path / "plan.yaml", tmp_path / "cut.grib"
    plan.write_text(PLAN.replace("OUT", str(tmp_path / "o.grib")))
    cut.write_bytes((data / "era5-2mt-2019-03-uk.grib").read_bytes()[:n_bytes])
    assert main(["plan", "run", str(plan), str(cut)]) == 2
    assert re.search(rf"cut\.grib, {words}", capsys.readouterr().err)


def test_a_sink_to_which_nothing_came_of_selected_fields_is_told(tmp_path, data, capsys):
    plan = tmp_path / "plan.yaml"
    step = "{type: statistics, output-frequency: 1y, operations: [average], options: OPTIONS}"
    text = PLAN.replace("{type: encode}", step.replace("OPTIONS", "{initial-condition-present: true}"))
    sink = f"type: hdf5, path: '{tmp_path / 'o.h5'}'"
    plan.write_text(text.replace("type: file, path: 'OUT', per-server: true", sink))
    assert main(["plan", "run", str(plan), str(data / "era5-2mt-2019-03-uk.grib")]) == 0
    assert "plan 'p' took 744 fields, and nothing came to HDF5" in capsys.readouterr().err
    assert main(["plan", "run", str(plan), str(data / "healpix_H8.grib2")]) == 0
    assert "nothing came" not in capsys.readouterr().err
