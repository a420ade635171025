"""Faults that the twin injects on command, seeded, into everything that it says."""
