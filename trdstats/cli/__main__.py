"""``python -m trdstats.cli``."""

from trdstats.cli import main

if __name__ == "__main__":
    main()
