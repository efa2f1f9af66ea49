"""Fuzzing of every parser with atheris; `make fuzz` runs it for a bounded time."""
