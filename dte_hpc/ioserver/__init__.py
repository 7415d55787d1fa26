"""The ioserver room."""
