"""Links of the built site lead somewhere, and nothing is loaded from another server."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """What a page links to, what it loads, and the anchors it has."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.images: list[str | None] = []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = dict(attrs)
        self.anchors.update(v for k in ("id", "name") if (v := own.get(k)))
        if tag == "a" and own.get("href"):
            self.links.append(str(own["href"]))
        if tag in ("img", "script") and own.get("src"):
            self.loads.append(str(own["src"]))
        if (
            tag == "link"
            and own.get("href")
            and own.get("rel") in ("stylesheet", "preload", "icon")
        ):
            self.loads.append(str(own["href"]))
        if tag == "img":
            self.images.append(own.get("alt"))


def pages(site: Path) -> dict[Path, Page]:
    return {
        p: Page(p)
        for p in sorted(site.rglob("*.html"))
        if "_static" not in p.relative_to(site).parts
    }


def dead_links(site: Path) -> list[str]:
    """Return every link and file that does not exist, with the page it stands on."""
    read = pages(site)
    found = []
    for path, page in read.items():
        where = path.relative_to(site).as_posix()
        for target in page.links + page.loads:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            place = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not place.exists():
                found.append(f"{where}: {target}: no such file")
            elif (
                parts.fragment
                and place in read
                and unquote(parts.fragment) not in read[place].anchors
            ):
                found.append(f"{where}: {target}: no such anchor")
    return found


def test_every_link_leads_somewhere(site: Path) -> None:
    dead = dead_links(site)
    assert not dead, "\n".join(dead)


def test_nothing_is_loaded_from_another_server(site: Path) -> None:
    for path, page in pages(site).items():
        for target in page.loads:
            assert not urlsplit(target).netloc, f"{path.name} loads {target}"


def test_figures_have_a_text(site: Path) -> None:
    for path, page in pages(site).items():
        assert all(alt and len(alt) >= 20 for alt in page.images), f"{path.name}: {page.images}"


def test_the_checker_finds_what_is_dead(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<a href="b.html">x</a><a href="#no">y</a><h1 id="yes"></h1><a href="#yes">z</a>', "utf-8"
    )
    assert dead_links(tmp_path) == ["a.html: b.html: no such file", "a.html: #no: no such anchor"]
