"""Where does this pyfdb live? ``python -m dte_hpc.fdb.pyfdb --print-home`` logs it, as pyfdb does."""

import argparse
import importlib.metadata
import logging
import sys
from pathlib import Path

import dte_hpc

LIBRARIES = ("eccodes", "eccodeslib", "numpy", "xxhash")


def main() -> None:
    """Log the home directory, or those of what we depend on; help and exit code 2 without an option."""
    parser = argparse.ArgumentParser(description="pyfdb command line interface")
    parser.add_argument("--print-home", action="store_true", help="Print the home directory of dte_hpc")
    parser.add_argument(
        "--print-home-deps", action="store_true", help="Print the home directories of what it depends on"
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="Enable DEBUG logging (default: INFO)")
    asked = parser.parse_args()
    logging.basicConfig(
        format="%(asctime)s | %(levelname)-6s | %(message)s",
        datefmt="%Y-%m-%d %H:%M:%S",
        level=logging.DEBUG if asked.verbose else logging.INFO,
    )
    if not (asked.print_home or asked.print_home_deps):
        parser.print_help()
        sys.exit(2)
    if asked.print_home:
        logging.info("\tdte_hpc %s %s", dte_hpc.__version__, Path(dte_hpc.__file__).parent)
    if asked.print_home_deps:
        for name in LIBRARIES:
            _log_home(name)


def _log_home(name: str) -> None:
    try:
        found = importlib.metadata.distribution(name)
        logging.info("\t%s %s %s", name, found.version, found.locate_file(name))
    except importlib.metadata.PackageNotFoundError:
        logging.warning("\t%s: not found", name)


if __name__ == "__main__":
    main()
