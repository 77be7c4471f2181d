"""Where rows are built."""
