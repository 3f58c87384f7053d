"""The pictures of a section drawn into files."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from trdstats import plots
from trdstats.plan.sections import Picture, Section
from trdstats.plots.layout.texts import default_style, write_missing_glyphs

Files = Mapping[str, tuple[Path, Path]]  # PNG and SVG by the key of the picture

_MISSING_GLYPHS = (
    "Characters that the font of the figures lacks are written as their Unicode number, such as "
    "\\u4e2d; tables and report keep them."
)


_LARGER = (1.0, 1.5, 2.2, 3.3)  # times the size of a figure whose names need room


def draw_all(section: Section, folder: Path) -> tuple[Section, Files]:
    """Draw the pictures of a section, and say under each what its font could not write.

    Parameters
    ----------
    section : Section
    folder : Path
        Where the files go.

    Returns
    -------
    Section
        With the pictures that could be drawn; what became of the others is in `failed`.
    dict of str to tuple of Path
    """
    pictures, made, failed = [], {}, section.failed
    for picture in section.pictures:
        try:
            made[picture.key], complete = _draw(picture, folder)
        except OSError:  # the folder cannot be written: the run says so
            raise
        except Exception as error:  # one figure with a fault must not take the report with it
            words = f"The figure {picture.key!r} could not be drawn: {error}"
            failed = f"{failed} {words}".strip()
            continue
        caption = picture.caption if complete else f"{picture.caption} {_MISSING_GLYPHS}"
        pictures.append(replace(picture, caption=caption))
    return replace(section, pictures=tuple(pictures), failed=failed), made


def _draw(picture: Picture, folder: Path) -> tuple[tuple[Path, Path], bool]:
    """Draw a picture, and say whether its font could write all of it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width, height = picture.size
    for times in _LARGER:
        with default_style(), warnings.catch_warnings():
            collapsed = "constrained_layout not applied"
            last = times == _LARGER[-1]
            warnings.filterwarnings("ignore" if last else "error", collapsed, UserWarning)
            figure = Figure(figsize=(times * width, times * height), layout="constrained")
            FigureCanvasAgg(figure)  # texts measured for one layout are known to the next
            picture.draw(figure)
            missing = write_missing_glyphs(figure)
            try:
                return plots.save_figure(figure, folder / picture.key), not missing
            except UserWarning:
                continue  # names so long that they leave no room: a larger page
    raise AssertionError("the last size is always saved")
