"""One HTML file that opens offline: text, tables and figures of a run."""

from __future__ import annotations

import base64
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

from trdstats.errors import visible
from trdstats.plan.plan import Plan
from trdstats.plan.sections import Section
from trdstats.study import Study

_SIMULATED = "The data of this report are simulated: it shows the method, not the treatments."


def build_report(
    plan: Plan,
    study: Study,
    sections: list[Section],
    figures: dict[str, Path],
    manifest: dict[str, Any],
) -> str:
    """Return the report as HTML.

    Parameters
    ----------
    plan : Plan
    study : Study
    sections : list of Section
    figures : dict of str to Path
        PNG of each picture by its key; they are embedded.
    manifest : dict
        As from `build_manifest`.
    """
    style = resources.files("trdstats.plan").joinpath("report.css").read_text("utf-8")
    links = "".join(f'<li><a href="#{s.key}">{_html(s.title)}</a></li>' for s in sections)
    banners = [_SIMULATED] if "sample" in plan.study else []
    if study.caveat:
        banners.append(f"{study.caveat}. Differences between them may come from who was treated.")
    warnings = "".join(f'<p class="banner">{_html(b)}</p>' for b in banners)
    body = "".join(_section(s, figures) for s in sections)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_html(plan.title)}</title><style>{style}</style></head><body><main>"
        f"<h1>{_html(plan.title)}</h1>{warnings}"
        f'<nav><ol>{links}<li><a href="#manifest">What made this report</a></li></ol></nav>'
        f"{body}{_manifest(manifest)}</main></body></html>\n"
    )


def _html(text: str) -> str:
    return escape(visible(text))


def _section(section: Section, figures: dict[str, Path]) -> str:
    parts = [f'<section id="{section.key}"><h2>{_html(section.title)}</h2>']
    parts.append(f"<p>{_html(section.lead)}</p>")
    if section.failed:
        parts.append(f'<p class="banner">{_html(section.failed)}</p>')
    parts += [f'<p class="note">{_html(n.text)}</p>' for n in section.notes]
    for picture in section.pictures:
        data = base64.b64encode(figures[picture.key].read_bytes()).decode("ascii")
        parts.append(
            f'<figure><img src="data:image/png;base64,{data}" alt="{_html(picture.caption)}">'
            f"<figcaption>{_html(picture.caption)}</figcaption></figure>"
        )
    parts += [table.to_html() for table in section.tables]
    files = ", ".join(f"tables/{name}.csv" for name in section.frames)
    parts.append(f'<p class="files">Numbers: {_html(files)}</p></section>')
    return "".join(parts)


def _manifest(manifest: dict[str, Any]) -> str:
    def rows(pairs: dict[str, str]) -> str:
        return "".join(
            f"<tr><td>{_html(k)}</td><td><code>{_html(v)}</code></td></tr>"
            for k, v in pairs.items()
        )

    versions = {k: manifest[k] for k in ("trdstats", "python", "platform")} | manifest["packages"]
    return (
        '<section id="manifest"><h2>What made this report</h2>'
        "<p>The same plan on the same data with the same versions writes the same numbers.</p>"
        f'<h3>Versions</h3><div class="table"><table>{rows(versions)}</table></div>'
        f'<h3>Data (SHA-256)</h3><div class="table"><table>{rows(manifest["data"])}</table></div>'
        f"<h3>Plan</h3><pre>{_html(manifest['plan'])}</pre></section>"
    )
