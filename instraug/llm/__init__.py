"""Talks to models: the OpenAI-compatible client and the embedded model."""
