"""The formats that trainers read, one module each."""
