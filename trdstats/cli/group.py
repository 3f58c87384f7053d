"""The command ``trdstats``, to which the other files of the room add theirs."""

from __future__ import annotations

import click

import trdstats


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(trdstats.__version__, prog_name="trdstats")
def main() -> None:
    """Compare onset and durability of response in resistant depression."""
