"""Sphinx: run the blocks of every page while building, and show what they print and draw."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from run_blocks import Output, run_page
from sphinx.application import Sphinx

LONGEST = 60  # lines of output shown


def shown(output: Output, folder: Path, prefix: str) -> str:
    """Return the Markdown of an output."""
    pieces = []
    text = output.text.rstrip().replace("\x1b", "")
    if text and "quiet" not in output.block.options:
        lines = text.splitlines()
        if len(lines) > LONGEST:
            lines = [*lines[:LONGEST], f"... ({len(lines) - LONGEST} more lines)"]
        pieces.append("\n\n:::{code-block} text\n:class: output\n\n" + "\n".join(lines) + "\n:::\n")
    for number, figure in enumerate(output.figures):
        name = f"{prefix}-{output.block.line}-{number}.png"
        figure.savefig(folder / name, bbox_inches="tight", metadata={"Software": None})
        plt.close(figure)
        pieces.append(f"\n\n![{output.block.options['figure']}](/_generated/{name})\n")
    return "".join(pieces)


def execute(app: Sphinx, docname: str, source: list[str]) -> None:
    """Replace the source of a page by the source with its outputs."""
    path = Path(app.env.doc2path(docname))
    if path.suffix != ".md" or "```" not in source[0]:
        return
    page = source[0]
    folder = Path(app.srcdir) / "_generated"
    folder.mkdir(exist_ok=True)
    prefix = docname.replace("/", "-") + "-" + hashlib.sha256(page.encode()).hexdigest()[:6]
    for output in reversed(run_page(page, f"{docname}.md")):
        end = output.block.end
        page = page[:end] + shown(output, folder, prefix) + page[end:]
    source[0] = page


def setup(app: Sphinx) -> dict[str, Any]:
    """Register."""
    app.connect("source-read", execute)
    return {"version": "1", "parallel_read_safe": False}
