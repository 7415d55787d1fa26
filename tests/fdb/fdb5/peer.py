"""Run by the Python that has ECMWF's pyfdb: write a store, or say what is in one. JSON in, JSON out."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path


def config(case, root):
    space = {"handler": "Default", "roots": [{"path": f"{root}/store"}]}
    if case.get("split"):
        homes = {"catalogueRoots": [{"path": f"{root}/catalogue"}], "storeRoots": [{"path": f"{root}/data"}]}
        space = {"handler": "Default", **homes}
    return {"type": "local", "engine": "toc", "schema": f"{root}/schema", "spaces": [space]}


def write(case, root):
    import pyfdb

    for name in ("store", "catalogue", "data"):
        Path(root, name).mkdir(parents=True, exist_ok=True)
    Path(root, "schema").write_text(case["schema"])
    Path(root, "config.yaml").write_text(json.dumps(config(case, root)))
    fdb = pyfdb.FDB(config(case, root))
    for what, *arguments in case["steps"]:
        if what == "archive":
            fdb.archive(bytes.fromhex(arguments[0]), arguments[1])
        elif what == "messages":
            fdb.archive(bytes.fromhex(arguments[0]))
        elif what == "many":
            base, axes = arguments
            for number, values in enumerate(product(axes)):
                fdb.archive(b"%08d" % number, {**base, **values})
        elif what == "flush":
            fdb.flush()
        elif what == "reopen":
            del fdb
            fdb = pyfdb.FDB(config(case, root))
        elif what == "purge":
            list(fdb.purge(arguments[0], doit=True))
        elif what == "tool":
            tool(root, arguments)
        elif what == "await":
            while not Path(root, arguments[0]).exists():
                time.sleep(0.01)
        elif what == "die":
            os._exit(0)


def product(axes):
    keys = [{}]
    for keyword, values in axes.items():
        keys = [{**key, keyword: value} for key in keys for value in values]
    return keys


def tool(root, arguments):
    import fdb5lib

    home = Path(fdb5lib.__file__).parent
    environment = {**os.environ, "FDB_CONFIG_FILE": f"{root}/config.yaml"}
    name, *rest = arguments
    done = subprocess.run([home / "bin" / name, *rest], env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{name} {rest}: {done.stderr}{done.stdout}")


def tell(case, root):
    import pyfdb

    fdb = pyfdb.FDB(config(case, root))
    told = {}
    for masked in (False, True):
        told["all" if masked else "list"] = [
            [
                element.combined_key(),
                element.uri.path().removeprefix(f"{root}/"),
                element.offset(),
                element.length(),
            ]
            for element in fdb.list({}, include_masked=masked)
        ]
    told["retrieved"] = []
    for request in case.get("requests", []):
        with fdb.retrieve(request) as handle:
            told["retrieved"].append(handle.readall(1 << 20).hex())
    return told


if __name__ == "__main__":
    case, root = json.load(sys.stdin), sys.argv[2]
    print(json.dumps(write(case, root) if sys.argv[1] == "write" else tell(case, root)))
