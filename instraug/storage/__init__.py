"""Files on disk: journal, JSONL, manifest, locks; nothing half-written is ever left."""
