"""What a run of ``instraug expand`` imports, for processes that are forked from here."""
