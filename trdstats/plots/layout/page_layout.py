"""Sizes on the page, in points: how wide texts and axes are, and room made beside the axes."""

from __future__ import annotations

import textwrap

from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.transforms import ScaledTranslation

_EM = 0.58  # mean width of a character of the default font, in font sizes
_LABELS = 50.0  # points that ticks and label of the y-axis take
_LEAST = 0.3  # axes keep at least this proportion of their height or width


def points(size: str = "small") -> float:
    """Return a named font size in points."""
    return float(FontProperties(size=size).get_size_in_points())


def text_width(text: str, size: str = "small") -> float:
    """Return about how wide a line of text is, in points."""
    return _EM * points(size) * len(text)


def wrap(text: str, width: float, size: str = "small") -> str:
    """Break a text into lines of at most about `width` points."""
    return "\n".join(textwrap.wrap(text, max(24, int(width / (_EM * points(size))))))


def axes_width(ax: Axes, *, left: float = 0.0, right: float = 0.0) -> float:
    """Return about how wide the axes will be in points, beside texts of the given widths.

    A layout engine moves the axes only when the figure is drawn; until then they have the
    figure's default margins, which it will fill.
    """
    width = float(ax.get_position().width) * figure_size(ax)[0]
    root = ax.get_figure(root=True)
    if root is not None and root.get_layout_engine() is not None:
        margins = root.subplotpars
        width = width / (margins.right - margins.left) - max(left, _LABELS)
    return max(width - right, 1.0)


def figure_size(ax: Axes) -> tuple[float, float]:
    """Return width and height in points of the figure that `ax.get_position` refers to."""
    figure = ax.figure
    scale = 72.0 / figure.dpi
    return float(figure.bbox.width) * scale, float(figure.bbox.height) * scale


def offset(ax: Axes, dx: float, dy: float = 0.0) -> ScaledTranslation:
    """Return a shift on the page by points, to be added to a transform."""
    return ScaledTranslation(dx / 72.0, dy / 72.0, ax.figure.dpi_scale_trans)


def make_room(ax: Axes, *, above: float = 0.0, below: float = 0.0, right: float = 0.0) -> None:
    """Shorten the axes by points, when no layout engine of the figure would do it.

    Layout engines include what is outside the axes and keep neighbours apart. Without one, the
    axes shrink themselves, so that one of several panels never overlaps another.
    """
    root = ax.get_figure(root=True)
    if root is None or root.get_layout_engine() is not None:
        return
    box = ax.get_position()
    width, height = figure_size(ax)
    keep_x = max(_LEAST, 1 - right / (width * box.width))
    taken = min((above + below) / (height * box.height), 1 - _LEAST)
    proportion = below / (above + below) if above + below else 0.0
    ax.set_position(
        (
            box.x0,
            box.y0 + box.height * taken * proportion,
            box.width * keep_x,
            box.height * (1 - taken),
        )
    )
    ax.set_in_layout(True)  # set_position takes the axes out of later layouts
