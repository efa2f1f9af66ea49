"""Vouchsafe: a quality management system whose evidence vouches for itself."""
