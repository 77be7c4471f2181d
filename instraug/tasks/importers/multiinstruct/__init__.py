"""MultiInstruct's templates, read from its repository and never run."""
