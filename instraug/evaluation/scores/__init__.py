"""Scores of predictions, and how much they waver with the wording of the instruction.

answers = read(files)                   any tool's file -> one shape
tables = collect(answers, protocols)    a score for each instance under each instruction
figures = sensitivity(tables)           raw, noise floor, corrected, p, interval
"""
