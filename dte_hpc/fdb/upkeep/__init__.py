"""What does an operator do with a store: locks, purge, wipe, check, copies."""
