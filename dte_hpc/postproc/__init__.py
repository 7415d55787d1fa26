"""The postproc room."""
