"""Figures of a pool of instructions, or of a built set."""
