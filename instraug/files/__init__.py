"""Files on disk: atomic, locked, compressed, JSON Lines, strict YAML, manifests."""
