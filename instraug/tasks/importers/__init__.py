"""Other projects' templates, as tasks."""
