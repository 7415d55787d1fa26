"""The command line: ``dte VERB``, one module per verb.

This is the only room that prints. Heavy imports stand inside a verb's `run`, so that ``dte --help``
costs nothing.

Restrictions: no work is done here; a verb turns arguments into calls of the rooms below.
"""
