"""A chat in, a reply out: an OpenAI-compatible endpoint, or the embedded model."""
