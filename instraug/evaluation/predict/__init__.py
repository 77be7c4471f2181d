"""Built rows through a model: one prediction a row, for `score`."""
