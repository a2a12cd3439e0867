"""`python -m tapewatch` is the same as the command `tapewatch`."""

from tapewatch.cli import main

if __name__ == "__main__":
    main()
