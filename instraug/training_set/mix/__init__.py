"""Mixtures of sets: exact totals by rows or tokens, nested over shares, checked for leaks."""
