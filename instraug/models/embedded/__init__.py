"""The embedded model, run in the process by llama.cpp."""
