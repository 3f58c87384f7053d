"""Sphinx: headings such as ``## Weights {#weights}`` keep the anchor that they name.

Messages and docstrings of the library point to these anchors.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

NAMED = re.compile(r"\s*\{#([\w-]+)\}\s*$")


def slug(title: str) -> str:
    """Return the anchor of a heading: the one it names, or its words joined by hyphens."""
    named = NAMED.search(title)
    if named:
        return named[1]
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")


class NamedAnchors(SphinxTransform):
    """Take the anchor out of the title and give it to the section."""

    default_priority = 200

    def apply(self, **_: Any) -> None:
        """Look at every section."""
        for section in self.document.findall(nodes.section):
            title = section.next_node(nodes.title)
            last = title.children[-1] if title is not None and title.children else None
            if not isinstance(last, nodes.Text):
                continue
            named = NAMED.search(str(last))
            if named:
                title.replace(last, nodes.Text(NAMED.sub("", str(last))))
                if named[1] not in section["ids"]:
                    section["ids"].append(named[1])


def setup(app: Sphinx) -> dict[str, Any]:
    """Register."""
    app.add_transform(NamedAnchors)
    return {"version": "1", "parallel_read_safe": True}
