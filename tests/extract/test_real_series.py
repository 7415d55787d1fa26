"""Is a time series of real data what ecCodes says, and are only its bytes read?"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dte_hpc.codecs.decode import read_field
from dte_hpc.codecs.encode import GribEncoder, Packing
from dte_hpc.codecs.layout import split
from dte_hpc.extract import extract
from dte_hpc.fdb import FDB

eccodes = pytest.importorskip("eccodes")
SOURCE = Path(__file__).parents[1] / "data" / "era5-2mt-2019-03-uk.grib"
PLACE = (51.5, -0.1)
REQUEST = {
    "class": "ea",
    "expver": "0001",
    "stream": "oper",
    "type": "an",
    "levtype": "sfc",
    "param": "2t",
    "date": "20190301/to/20190331",
    "time": "all",
    "step": "0",
    "feature": {"type": "timeseries", "points": [PLACE], "axis": "date"},
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A store of the file's 744 fields."""
    where = tmp_path_factory.mktemp("era5")
    encoder = GribEncoder(Packing(bits_per_value="keep"))
    with FDB(where) as store:
        for message in split(SOURCE.read_bytes()):
            store.archive(encoder.encode(read_field(message)))
    return where


def nearest_values():
    found = []
    with SOURCE.open("rb") as file:
        while (handle := eccodes.codes_grib_new_from_file(file)) is not None:
            near = eccodes.codes_grib_find_nearest(handle, *PLACE)[0]
            when = eccodes.codes_get(handle, "dataDate") * 10000 + eccodes.codes_get(handle, "dataTime")
            found.append((when, near.value, near.lat, near.lon))
            eccodes.codes_release(handle)
    return np.array(sorted(found))


def test_a_month_of_hours_equals_eccodes_nearest_points(root):
    answer = extract(FDB(root), REQUEST)
    want = nearest_values()
    assert answer.values.size == 744
    np.testing.assert_array_equal(answer.values, want[:, 1])
    assert (answer.latitude[0], answer.longitude[0] % 360) == (want[0, 2], want[0, 3] % 360)
    assert (np.diff(answer.time) == np.timedelta64(1, "h")).all()
    account = answer.account
    assert account.bytes_requested == account.bytes_read == 2 * 744
    assert account.bytes_read <= 4 * account.points


def test_strace_sees_no_more_bytes_of_fields_than_the_account(root, tmp_path):
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    request, log = tmp_path / "request.json", tmp_path / "strace.txt"
    request.write_text(json.dumps(REQUEST))
    traced = [strace, "-f", "-y", "-e", "trace=read,pread64,preadv,mmap", "-o", str(log)]
    words = [
        *traced,
        sys.executable,
        "-m",
        "dte_hpc.cli",
        "extract",
        str(request),
        "--store",
        str(root),
        "--json",
    ]
    done = subprocess.run(words, capture_output=True, text=True, timeout=100, check=False)
    if done.returncode != 0 and "ptrace" in done.stderr:
        pytest.skip(f"strace may not trace here: {done.stderr.strip()[:100]}")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)["account"]
    files = {p.name for p in root.rglob("*") if p.is_file() and p.read_bytes()[:4] == b"GRIB"}
    of_data = [line for line in log.read_text().splitlines() if any(f"/{name}>" in line for name in files)]
    assert not [line for line in of_data if " mmap(" in line]
    n_bytes = sum(int(line.rpartition("= ")[2].split()[0]) for line in of_data)
    assert n_bytes == told["bytes_read"] <= 4 * told["points"]
