"""Measurements of glassbox beside its peers."""
