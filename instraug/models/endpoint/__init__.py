"""An OpenAI-compatible endpoint: calls, retries, limits, and what it turns out to take."""
