"""MultiInstruct (arXiv:2212.10773): its templates as task folders, its rows as instances."""
