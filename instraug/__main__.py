"""``python -m instraug``, and the command ``instraug``."""

import sys


def main() -> None:
    """Run the command line; also a Ctrl-C that comes while it is imported is one line."""
    try:
        from instraug.cli import main
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; run the same command again\n")
        sys.exit(130)
    main()


if __name__ == "__main__":
    main()
