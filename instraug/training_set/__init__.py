"""Instances and a pool of instructions to the rows of a training set (MIns+)."""
