"""`python -m extproc` is the command `envelope`."""

from extproc.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
