"""A set that several processes build, each a part of it: what a part keeps, and how they join."""
