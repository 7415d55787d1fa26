"""How the Python that has ECMWF's pyfdb is run."""

import json
import os
import resource
import subprocess
from pathlib import Path


def run_peer(python, what, case, root):
    """Have a store written, or be told what is in it."""
    done = subprocess.run(
        [python, Path(__file__).with_name("peer.py"), what, str(root)],
        input=json.dumps(case),
        capture_output=True,
        text=True,
        env={**os.environ, **case.get("env", {})},
        preexec_fn=_large_stack if "like" in case else None,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return json.loads(done.stdout) if done.stdout else None


def _large_stack():
    hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
    resource.setrlimit(resource.RLIMIT_STACK, (hard, hard))
