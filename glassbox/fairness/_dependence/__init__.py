"""Measures of dependence, and how much of them is chance."""
