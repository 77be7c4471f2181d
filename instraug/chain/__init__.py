"""The chain: load, expand, generate, judge, export; then filter, build, mix, predict.

Each module is one command's steps in a row, on a screen, and imports what that command needs.
"""
