"""What becomes of an answer: extraction, rules, duplicates, meaning."""
