"""Let `python -m gate` do what `sendgate` does."""

from gate.cli import main

if __name__ == "__main__":
    main()
