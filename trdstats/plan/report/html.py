"""Small pieces of HTML that all parts of the page share."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from html import escape
from pathlib import Path

from trdstats.errors import visible
from trdstats.plan.sections import Picture


def as_html(text: str) -> str:
    """Return text as HTML shows it, with characters that would not be seen written out."""
    return escape(visible(text))


def figure_html(picture: Picture, png: Path) -> str:
    """Return a figure with its caption, the image embedded."""
    data = base64.b64encode(png.read_bytes()).decode("ascii")
    alt = as_html(picture.alt or picture.caption)
    return (
        f'<figure><img src="data:image/png;base64,{data}" alt="{alt}">'
        f"<figcaption>{as_html(picture.caption)}</figcaption></figure>"
    )


def fold(title: str, content: str, kind: str = "more") -> str:
    """Return content that is folded under its title; nothing where there is no content."""
    if not content:
        return ""
    return f'<details class="{kind}"><summary>{as_html(title)}</summary>{content}</details>'


def paragraphs(texts: Iterable[str], kind: str = "") -> str:
    """Return texts as paragraphs."""
    mark = f' class="{kind}"' if kind else ""
    return "".join(f"<p{mark}>{as_html(t)}</p>" for t in texts)
