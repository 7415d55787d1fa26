"""The words every room uses: Key, Request, Field, Part, errors, config, events, checksum.

Restrictions: this room imports nothing of the house, and of other people's code only NumPy, PyYAML
and xxhash, each behind one module.
"""
