"""``python -m excitable`` is the command line ``excitable``."""

from excitable.cli import main

if __name__ == "__main__":
    main()
