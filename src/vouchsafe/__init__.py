"""Vouchsafe: a quality management system whose evidence vouches for itself."""

__version__ = "0.1.0"
