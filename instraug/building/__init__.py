"""Instances and a pool of instructions -> a training set."""
