"""Where rows come from: files to instances that templates render with."""
