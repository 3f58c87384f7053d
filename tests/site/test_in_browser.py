"""Pages of the site in a browser, wide and narrow: nothing overflows, scripts raise no error, colours turn dark.

Needs Chromium or Chrome on the PATH (or its path in TRDSTATS_BROWSER); without one it is skipped.
"""

from __future__ import annotations

import functools
import html
import http.server
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = os.environ.get("TRDSTATS_BROWSER") or next(filter(None, map(shutil.which, _NAMES)), None)
CHECKS = (Path(__file__).parent / "page_checks.js").read_text("utf-8")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--enable-logging=stderr", "--v=0",
]  # fmt: skip
# One page of each kind: contents, tutorial, task, equations, wide tables, figures, notebook, reference, index of names.
KINDS = [
    "index", "start/own_export", "howto/mmrm", "howto/onset_unlike_schedules", "methods/longitudinal", "methods/second_opinion",
    "understand/vocabulary", "understand/parity", "understand/coming_from", "understand/accessibility", "gallery",
    "notebooks/05_fair_comparison", "reference/index", "reference/names/class-Study", "reference/names/compare", "plan",
]  # fmt: skip

pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="no Chromium on the PATH; name one in TRDSTATS_BROWSER"
)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        pass


@pytest.fixture(scope="module")
def server(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Serve the site with, beside it, the pages that hold its pages in frames of a width."""
    frames = tmp_path_factory.mktemp("frames")
    (frames / "site").symlink_to(site)
    handler = functools.partial(Quiet, directory=str(frames))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_address[1]}", frames
        served.shutdown()


def look(
    server: tuple[str, Path], width: int, names: list[str], script: str
) -> tuple[dict[str, object], str]:
    """Return what a script finds on each page in a frame of a width, and what the browser logged."""
    address, frames = server
    page = frames / f"frame-{width}.html"
    page.write_text(
        f'<meta charset="utf-8"><pre id="out"></pre><script>const names = {json.dumps(names)}, all = {{}};'
        "async function next() { const name = names.shift();"
        "if (!name) { document.getElementById('out').textContent = JSON.stringify(all); return; }"
        f"const f = document.createElement('iframe'); f.style = 'border:0;width:{width}px;height:3000px';"
        "f.onload = () => { const w = f.contentWindow;"
        "w.document.querySelectorAll('img').forEach((i) => { i.loading = 'eager'; });"
        f"setTimeout(() => {{ all[name] = w.eval({json.dumps(script)}); f.remove(); next(); }}, 300); }};"
        "f.src = 'site/' + name + '.html'; document.body.append(f); }"
        "window.onload = next;</script><body></body>",
        "utf-8",
    )
    done = subprocess.run(
        [str(BROWSER), *FLAGS, f"--user-data-dir={frames / 'profile'}", "--window-size=1400,3200",
         "--virtual-time-budget=60000", "--dump-dom", f"{address}/{page.name}"],
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    found = re.search(r'<pre id="out">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found is not None, done.stdout[-2000:]
    assert found[1], "the browser did not run the checks"
    result: dict[str, object] = json.loads(html.unescape(found[1]))
    return result, done.stderr


@pytest.mark.parametrize("width", [1200, 390])
def test_nothing_overflows_and_no_script_fails(server: tuple[str, Path], width: int) -> None:
    found, logged = look(server, width, KINDS, CHECKS)
    assert set(found) == set(KINDS)
    assert {name: problems for name, problems in found.items() if problems} == {}
    errors = [s for s in logged.splitlines() if "CONSOLE" in s and ("Error" in s or "Failed" in s)]
    assert not errors, "\n".join(errors)


def test_it_can_be_dark(server: tuple[str, Path]) -> None:
    script = """(() => { const root = document.documentElement, colour = () => getComputedStyle(document.body).backgroundColor;
      root.dataset.theme = "light"; const light = colour(); root.dataset.theme = "dark"; return [light, colour()]; })()"""
    found, _ = look(server, 1200, ["howto/mmrm"], script)
    light, dark = found["howto/mmrm"]  # type: ignore[misc]
    assert light != dark


def test_the_checks_find_what_is_wrong(tmp_path: Path, server: tuple[str, Path]) -> None:
    (server[1] / "bad").mkdir()
    page = '<article><p style="width:2000px">wide</p><img src="none.png"></article>'
    (server[1] / "bad" / "x.html").write_text(page, "utf-8")
    found, _ = look(server, 390, ["../bad/x"], CHECKS)
    words = " ".join(map(str, found["../bad/x"]))  # type: ignore[call-overload]
    for part in ("scrolls sideways", "P ends at", "cannot be shown", "no h1"):
        assert part in words
