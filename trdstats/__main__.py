"""``python -m trdstats``."""

from trdstats.cli import main

if __name__ == "__main__":
    main(prog_name="python -m trdstats")
