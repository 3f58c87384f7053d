"""The built site: `TRDSTATS_SITE` names its folder, which `.ci/run` builds; else all is skipped."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def site() -> Path:
    name = os.environ.get("TRDSTATS_SITE")
    if not name:
        pytest.skip("no built site: sphinx-build -W docs site, then TRDSTATS_SITE=site")
    folder = Path(name).resolve()
    assert (folder / "index.html").is_file(), f"{folder} holds no site"
    return folder
