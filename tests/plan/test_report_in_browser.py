"""The report as a browser shows it, on a wide and on a narrow window.

Needs Chromium or Chrome on the PATH (or its path in TRDSTATS_BROWSER); without one it is skipped.
"""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from trdstats.plan import Run

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = os.environ.get("TRDSTATS_BROWSER") or next(filter(None, map(shutil.which, _NAMES)), None)
CHECKS = (Path(__file__).parent / "page_checks.js").read_text("utf-8")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip

needs_browser = pytest.mark.skipif(
    BROWSER is None, reason="no Chromium on the PATH; name one in TRDSTATS_BROWSER"
)


def problems(report: Path, width: int, folder: Path, *, unfolded: bool = False) -> list[str]:
    """Return what a browser of some width finds wrong; the page stands in a frame so wide."""
    text = report.read_text("utf-8")
    if unfolded:
        text = text.replace("<details", "<details open")
    page = folder / f"frame-{width}.html"
    page.write_text(
        f'<meta charset="utf-8"><iframe id="f" style="border:0;width:{width}px;height:4000px" '
        f'srcdoc="{html.escape(text)}"></iframe><pre id="out"></pre><script>'
        "document.getElementById('f').onload = (e) => { const w = e.target.contentWindow;"
        "document.getElementById('out').textContent = "
        f"JSON.stringify(w.eval({json.dumps(CHECKS)}));}};"
        "</script>",
        "utf-8",
    )
    done = subprocess.run(
        [str(BROWSER), *FLAGS, f"--user-data-dir={folder / 'profile'}", "--window-size=1400,4200",
         "--virtual-time-budget=20000", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    found = re.search(r'<pre id="out">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found is not None, done.stdout[-2000:]
    assert found.group(1), "the browser did not run the checks"
    result: list[str] = json.loads(html.unescape(found.group(1)))
    return result


@needs_browser
@pytest.mark.parametrize("width", [1200, 390])
@pytest.mark.parametrize("unfolded", [False, True])
def test_nothing_overflows_or_overlaps(
    sample_run: Run, width: int, unfolded: bool, tmp_path: Path
) -> None:
    assert problems(sample_run.report, width, tmp_path, unfolded=unfolded) == []


@needs_browser
def test_the_checks_find_what_is_wrong(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        '<html><body><main><h1>A</h1><h4>B</h4><p style="width:2000px;color:#ccc">wide and pale</p>'
        '<p style="margin-top:-30px">over it</p><img src="data:," alt=""></main></body></html>',
        "utf-8",
    )
    found = " ".join(problems(page, 390, tmp_path))
    for words in ("scrolls sideways", "P ends at", "overlap", "H4 after h1", "without a text",
                  "contrast below"):  # fmt: skip
        assert words in found
