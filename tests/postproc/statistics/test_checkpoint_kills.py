"""A process that is killed while it writes checkpoints leaves a latest one that is whole and right."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, {here!r})
from conftest import Model

root = Path({root!r})
model, latest = Model(root), root / "kept" / "latest"
pipeline = model.pipeline(**{{"write-restart": True, "read-restart": latest.exists()}})
stamp = latest.resolve().name
at = (int(stamp[6:8]) - 1) * 24 + int(stamp[9:11]) if latest.exists() else -1
pipeline.warm()
pipeline.flush("step-and-restart")  # HDF5 is loaded; without a field there is nothing to keep
print("on", flush=True)
for step in range(at + 1, 720):
    model.feed([pipeline], [step])
    pipeline.flush("step-and-restart")
    print("kept", flush=True)
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_killed_process_always_leaves_a_latest_that_loads(model, outside):
    chance, stamps = random.Random(5), []
    program = PROGRAM.format(here=str(Path(__file__).parent), root=str(model.root))
    for _ in range(50):
        process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "on\n"
        for _ in range(chance.randint(1, 3)):
            assert process.stdout.readline() == "kept\n"
        time.sleep(chance.uniform(0.0, 0.05))  # a checkpoint takes some hundredths of a second
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        stamps += look(model)
    assert stamps == sorted(stamps)
    assert len(set(stamps)) > 20
    folders = [path for path in (model.root / "kept").iterdir() if path.is_dir() and not path.is_symlink()]
    assert len(folders) <= 4  # two that stay, one before they are removed, one half written


def look(model):
    """Return the time of the latest checkpoint, whose totals are those of the fields until then."""
    latest = model.root / "kept" / "latest"
    if not latest.is_symlink():
        return []
    stamp = latest.resolve().name
    step = (int(stamp[6:8]) - 1) * 24 + int(stamp[9:11])
    pipeline = model.pipeline(**{"read-restart": True})
    monthly = pipeline._chains[1].actions[2]
    for field in model.fields(step) if step else ():  # the initial condition is no sample of it
        window = monthly._restored(monthly._name(field.metadata))
        assert f"{window.last:%Y%m%d-%H%M%S}" == stamp
        assert window.n_samples == step
        samples = [
            other.values
            for n in range(1, step + 1)
            for other in model.fields(n)
            if other.metadata.without("step") == field.metadata.without("step")
        ]
        np.testing.assert_allclose(window.state["total"], np.sum(samples, axis=0), rtol=1e-12)
    return [stamp]
