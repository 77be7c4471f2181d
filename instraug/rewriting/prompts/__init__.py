"""What is asked: meta-prompts, the plan, its requests."""
