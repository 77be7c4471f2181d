"""``python -m instraug``."""

from instraug.cli import main

if __name__ == "__main__":
    main()
