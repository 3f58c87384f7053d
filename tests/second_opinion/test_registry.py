"""Every public result is recomputed, or says why not; the documentation has the same table."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from results_of_everything import MAKERS

import trdstats
from trdstats.second_opinion.registry import RECOMPUTED, registry_markdown
from trdstats.second_opinion.without import WITHOUT
from trdstats.tables import SummaryMixin

ROOT = Path(__file__).resolve().parents[2]
# Bases of results, and opinions themselves.
NO_RESULTS = {
    "ResultByTreatment", "EstimateResult", "EstimateTable", "MixedResult", "Coefficients",
    "CurveResult", "WholeCurves", "ParametricResult", "StateResult", "GroupTestResult",
    "FrameResult", "OddsRatioResult", "RatedEffects", "RatedMargins", "SecondOpinion",
    "Certificate", "FittedModel", "FittedToSums", "FixedEffects", "AnalysedRows",
}  # fmt: skip


def subclasses(cls: type) -> Iterator[type]:
    for sub in cls.__subclasses__():
        yield sub
        yield from subclasses(sub)


def result_classes() -> set[str]:
    for module in pkgutil.walk_packages(trdstats.__path__, "trdstats."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    return {
        c.__name__
        for c in subclasses(SummaryMixin)
        if c.__module__.startswith("trdstats.") and hasattr(c, "tidy")
    }


def test_every_result_has_its_place() -> None:
    placed = set(RECOMPUTED) | set(WITHOUT) | NO_RESULTS
    assert result_classes() - placed == set()
    assert set(MAKERS) - set(RECOMPUTED) - set(WITHOUT) == set()


def test_no_place_is_left_over() -> None:
    assert (set(RECOMPUTED) | set(WITHOUT)) - {"DataFrame"} - result_classes() == set()
    assert not set(RECOMPUTED) & set(WITHOUT)


def test_the_documentation_has_the_table() -> None:
    page = (ROOT / "docs" / "methods" / "second_opinion.md").read_text("utf-8")
    assert registry_markdown() in page, "paste registry_markdown() into the page"


@pytest.mark.parametrize("path", sorted((ROOT / "trdstats" / "second_opinion").glob("*.py")),
                         ids=lambda p: p.stem)  # fmt: skip
def test_no_kernel_is_asked(path: Path) -> None:
    """An opinion of our own arithmetic would be none."""
    assert not re.findall(r"trdstats\.kernels", path.read_text("utf-8"))
