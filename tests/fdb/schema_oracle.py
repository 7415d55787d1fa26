"""What does ECMWF's FDB do with these keys and this schema? Run by the Python that has pyfdb.

Reads {"schema": text, "root": directory, "keys": [{keyword: value}]} from standard input; the number of a
key is its field's length. Prints [directory, {keyword: value}] for each key, or what FDB said against it.
"""

import json
import os
import sys
from pathlib import Path


def main():
    """Archive the fields, flush, and list what there is."""
    task = json.load(sys.stdin)
    root = Path(task["root"])
    (root / "schema").write_text(task["schema"])
    (root / "store").mkdir()
    os.environ["FDB_HOME"] = str(root)
    import pyfdb

    spaces = [{"handler": "Default", "roots": [{"path": f"{root}/store"}]}]
    fdb = pyfdb.FDB(
        {"type": "local", "engine": "toc", "schema": f"{root}/schema", "spaces": spaces},
    )
    answers = ["it is not listed"] * len(task["keys"])
    refused = set()
    for number, key in enumerate(task["keys"]):
        try:
            fdb.archive(b"x" * (number + 1), key)
        except RuntimeError as error:
            refused.add(number)
            answers[number] = str(error)
    fdb.flush()
    for element in fdb.list({}):
        number = element.length() - 1
        if number not in refused:
            key = {k: v for level in element.keys() for k, v in level.items() if v}  # noqa: SIM118
            answers[number] = [Path(element.uri.path()).parent.name, key]
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
