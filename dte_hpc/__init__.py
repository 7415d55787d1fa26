"""dte_hpc: the Digital Twin Engine in Python.

Model ranks stream fields over MPI to IO-server ranks, which post-process, encode and store them
under semantic keys; extraction ranks answer a shape by reading only the points inside it.
``docs/architecture.md`` says which room does what.
"""

__version__ = "0.1.0"
