"""Write the sample studies: ``python -m trdstats.simulate sample_data``."""

from __future__ import annotations

import argparse
from pathlib import Path

from trdstats.simulate.write import write_samples


def main() -> None:
    """Read the folder from the command line and write the samples into it."""
    parser = argparse.ArgumentParser(prog="python -m trdstats.simulate", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder to write into, made when missing")
    write_samples(parser.parse_args().folder)


if __name__ == "__main__":
    main()
