"""Figures over pools and rows: lengths, diversity, instance text proportion, overlap."""
