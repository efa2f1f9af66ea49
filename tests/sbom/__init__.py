"""Tests of `vouchsafe.sbom`."""
