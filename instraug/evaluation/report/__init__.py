"""Runs, built sets and scores as one page to look at, and as figures for papers."""
