"""Task folders, placeholders, rendering, and the pool of instructions."""
