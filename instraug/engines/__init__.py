"""Where shards are built: processes of this machine."""
