"""Names in figures are drawn as written: no mathematics, no control characters, no blank boxes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.text import Text
from matplotlib.ticker import FixedFormatter, Formatter, FuncFormatter

from trdstats.errors import visible

FONT = "DejaVu Sans"  # comes with matplotlib: the same on every machine


@contextmanager
def default_style() -> Iterator[None]:
    """Draw with matplotlib's defaults, without settings of the user, the folder or the machine."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams["font.family"] = [FONT]
        mpl.rcParams["text.parse_math"] = False
        yield


def keep_plain(ax: Axes) -> None:
    """Draw the texts of the axes as they are written: ``$`` is a dollar, an escape is shown."""
    artists = _with_texts(ax)
    for artist in artists:
        if isinstance(artist, Text):
            artist.set_parse_math(False)
    _rewrite(artists, visible)


def write_missing_glyphs(figure: Figure) -> bool:
    """Write characters missing from the font as their number; return whether there were any."""
    replaced = False

    def write(text: str) -> str:
        nonlocal replaced
        drawn = "".join(c if _has_glyph(c) else _number_of(c) for c in text)
        replaced = replaced or drawn != text
        return drawn

    _rewrite(_with_texts(figure), write)
    return replaced


def _with_texts(root: Artist) -> list[Artist]:
    """Return the texts within an artist, and the axes whose labels of ticks are made anew."""
    return root.findobj(lambda a: isinstance(a, Text | Axis))


def _rewrite(artists: list[Artist], write: Callable[[str], str]) -> None:
    for artist in artists:
        if isinstance(artist, Text):
            text = artist.get_text()
            if write(text) != text:
                artist.set_text(write(text))
        elif isinstance(artist, Axis):
            # Labels of ticks are made anew whenever the figure is drawn.
            formatter = artist.get_major_formatter()
            if isinstance(formatter, FixedFormatter | FuncFormatter | _Rewritten):
                labels = formatter.format_ticks(list(artist.get_majorticklocs()))
                if any(write(label) != label for label in labels):
                    artist.set_major_formatter(_Rewritten(formatter, write))


class _Rewritten(Formatter):
    """The labels of another formatter, each written in another way."""

    def __init__(self, inner: Formatter, write: Callable[[str], str]) -> None:
        self._inner, self._write = inner, write

    def __call__(self, x: float, pos: int | None = None) -> str:
        return self._write(self._inner(x, pos))

    def set_locs(self, locs: Any) -> None:
        """Pass on the positions of the ticks."""
        self._inner.set_locs(locs)


def _number_of(character: str) -> str:
    return f"\\u{ord(character):04x}"


@cache
def _has_glyph(character: str) -> bool:
    if character == "\n":
        return True
    font = get_font(findfont(FontProperties(family=[FONT])))
    return bool(font.get_char_index(ord(character)))
