"""Feedback and complaint handling."""
