"""``python -m dte_hpc.cli VERB``: the same as ``dte VERB``, for launchers that start a Python module."""

from dte_hpc.cli.main import main

raise SystemExit(main())
