"""`python -m pipeline` is `distill`."""

from pipeline.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
