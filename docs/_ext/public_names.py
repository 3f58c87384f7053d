"""The public names by room, read from `trdstats/__init__.pyi`, and the pages of the reference."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trdstats

if TYPE_CHECKING:
    from sphinx.application import Sphinx

STUB = Path(trdstats.__file__).with_name("__init__.pyi")
# Heading of each room, in the order of an analysis. Other rooms follow under their own names.
HEADINGS = {
    "study": "Study", "intake": "Exports", "items": "Items", "scales": "Scales",
    "outcomes": "Outcomes", "participants": "Participants",
    "endpoint": "One outcome at one time", "longitudinal": "Longitudinal",
    "survival": "Time to event", "comparison": "Comparison",
    "imputation": "Missing data and estimands",
    "estimates": "Estimates", "multiverse": "Multiverse", "evidence": "Published figures",
    "plan": "Plans", "tables": "Numbers in print", "replicates": "Resampling",
    "second_opinion": "Second opinion", "selfcheck": "Self-check", "": "Modules",
}  # fmt: skip


def public_names() -> dict[str, list[str]]:
    """Return the public names by room."""
    rooms: dict[str, list[str]] = {room: [] for room in HEADINGS}
    for node in ast.parse(STUB.read_text("utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            room = (node.module or "").partition(".")[0]
            rooms.setdefault(room, []).extend(str(a.asname or a.name) for a in node.names)
    return {room: sorted(names, key=str.lower) for room, names in rooms.items() if names}


def describe(name: str) -> str:
    """Return the page of a public name, as reStructuredText."""
    thing = getattr(trdstats, name)
    if inspect.ismodule(thing):
        return module_page(name, thing)
    kind = "class" if inspect.isclass(thing) else "function" if callable(thing) else "data"
    if not inspect.isclass(thing) and not inspect.isroutine(thing):
        kind = "data"
    head = f"{name}\n{'=' * len(name)}\n\n.. currentmodule:: trdstats\n\n"
    if kind == "data":
        own = f"{type(thing).__module__}.{type(thing).__qualname__}"
        return f"{head}.. autodata:: {name}\n   :no-value:\n\n.. autoclass:: {own}\n   :members:\n"
    members = "   :members:\n   :inherited-members:\n" if kind == "class" else ""
    return f"{head}.. auto{kind}:: {name}\n{members}"


def module_page(name: str, module: Any) -> str:
    """Return the page of a public module with its public names."""
    title = f"trdstats.{name}"
    text = f"{title}\n{'=' * len(title)}\n\n.. automodule:: {title}\n   :no-members:\n\n"
    names = getattr(module, "__all__", None) or [
        n
        for n, t in vars(module).items()
        if inspect.isclass(t) and t.__module__ == title and n[0] != "_"
    ]
    text += f".. currentmodule:: {title}\n\n"
    everywhere = {name for room in public_names().values() for name in room}
    for own in names:
        if own in everywhere:
            text += f"See :class:`trdstats.{own}`.\n\n"
            continue
        thing = getattr(module, own)
        if inspect.isclass(thing):
            text += f".. autoclass:: {own}\n\n"
        elif inspect.isroutine(thing):
            text += f".. autofunction:: {own}\n\n"
    return text


def index() -> str:
    """Return, in Markdown, the names of every room, each with a link and its first sentence."""
    lines: list[str] = []
    for room, names in public_names().items():
        lines += [
            f"## {HEADINGS.get(room, room.capitalize())}",
            "",
            "| name | what it is |",
            "|---|---|",
        ]
        for name in names:
            first = (inspect.getdoc(getattr(trdstats, name)) or "").split("\n\n")[0]
            lines.append(f"| [`{name}`](names/{page_of(name)}) | {plain(first)} |")
        lines += ["", "```{toctree}", ":hidden:", ""]
        lines += [f"{name} <names/{page_of(name)}>" for name in names]
        lines += ["```", ""]
    return "\n".join(lines)


def plain(text: str) -> str:
    """Return a sentence of a docstring as a cell of a Markdown table."""
    return " ".join(text.split()).replace("``", "`").replace("|", "\\|").replace("$", "\\$")


def put_index(_app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the names into the page that asks for them."""
    if docname == "reference/index":
        source[0] = source[0].replace("<!-- public names -->", index())


def page_of(name: str) -> str:
    """Return the file name of a page; `Estimate` and `estimate` stay apart on every disk."""
    return f"class-{name}" if name[:1].isupper() else name


def write_pages(app: Sphinx) -> None:
    """Write the page of every public name before the sources are listed."""
    folder = Path(app.srcdir) / "reference" / "names"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {}
    for names in public_names().values():
        for name in names:
            wanted[folder / f"{page_of(name)}.rst"] = describe(name)
    for old in set(folder.glob("*.rst")) - set(wanted):
        old.unlink()
    for path, text in wanted.items():
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register."""
    app.connect("builder-inited", write_pages)
    app.connect("source-read", put_index)
    return {"version": "1", "parallel_read_safe": True}
