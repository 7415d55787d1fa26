"""How do pyfdb's own helpers read configurations and requests? Not its interface, but in use."""

from dte_hpc.fdb.pyfdb._internal.pyfdb_internal import ConfigMapper, FDBToolRequest, config_node

__all__ = ["ConfigMapper", "FDBToolRequest", "config_node"]
