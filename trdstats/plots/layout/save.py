"""Figures as files that are the same, byte for byte, whenever the figure is the same."""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from trdstats.errors import SpecError

_LEAST_DPI = 150


def save_figure(
    fig: Figure, path_without_suffix: str | PathLike[str], *, dpi: int = 200
) -> tuple[Path, Path]:
    """Write a figure as PNG and as SVG, without date or program in the files.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
        The figure; it stays open.
    path_without_suffix : str or path
        Both files get this path and their own suffix. Missing folders are made.
    dpi : int
        Resolution of the PNG in dots per inch, at least 150.

    Returns
    -------
    tuple of pathlib.Path
        The PNG and the SVG.

    Raises
    ------
    SpecError
        If `dpi` is below 150.
    """
    if dpi < _LEAST_DPI:
        raise SpecError(f"save_figure(): dpi must be at least {_LEAST_DPI}; got {dpi!r}.")
    stem = fspath(path_without_suffix)  # kept whole: "fig-1.5" has no suffix to replace
    png, svg = Path(stem + ".png"), Path(stem + ".svg")
    png.parent.mkdir(parents=True, exist_ok=True)
    # A layout engine moves the axes a little on each of the first draws; settle it before.
    fig.draw_without_rendering()
    with mpl.rc_context({"svg.hashsalt": "trdstats", "svg.fonttype": "path"}):
        fig.savefig(png, dpi=dpi, bbox_inches="tight", metadata={"Software": None})
        fig.savefig(svg, bbox_inches="tight", metadata={"Date": None})
    return png, svg
