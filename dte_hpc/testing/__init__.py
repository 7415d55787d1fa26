"""The testing kit that ships with the package: conformance classes and fault injection.

A third party's store is tested by the class ours is tested by (`store.StoreConformance`); `faults.
FaultyDisk` makes any system call of a writer fail.

Restrictions
------------
No room imports this. It needs pytest.
"""
