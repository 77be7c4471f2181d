"""Grow a few hand-written instruction templates into a large pool (INSTRAUG, arXiv:2402.14492)."""

__version__ = "0.1.0"
