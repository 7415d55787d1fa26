"""The fdb room."""
