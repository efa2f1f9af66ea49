"""The quality processes, one folder each. Start with `capa/process.py`."""
