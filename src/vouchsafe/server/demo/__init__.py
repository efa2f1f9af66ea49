"""Loads the demonstration company through the same doors as everything else, and runs its simulated fleet.

Promises: nothing here writes a table or a log of its own; a killed run goes on where it was; every log says by its
origin that it is a demonstration's. Start at `__main__`.
"""
