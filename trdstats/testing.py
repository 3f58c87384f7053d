"""What an addition must hold to: checks for results, definitions, scales, structures and figures.

Each check raises `AssertionError` with what is wrong; tests of the library and of whoever extends
it call the same ones.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.estimates import EstimateResult, Estimates
from trdstats.estimates.scales import transform
from trdstats.estimates.table import STATISTICS
from trdstats.longitudinal import Covariance
from trdstats.outcomes import Definition, rates, time_to
from trdstats.plan import Plan, Section, Step, Task
from trdstats.scales import Scale
from trdstats.study import Study
from trdstats.tables import SummaryMixin

_SAME = 1e-8  # of numbers that two formulas give


def check_summary(shown: SummaryMixin) -> None:
    """Check that text and HTML come from one summary, without addresses, and that it pickles."""
    summary = shown.summary()
    assert repr(shown) == summary.to_text(), "repr() is not the text of summary()"
    assert shown._repr_html_() == summary.to_html(), "HTML is not that of summary()"
    assert " object at 0x" not in repr(shown), "the summary shows a memory address"
    assert repr(pickle.loads(pickle.dumps(shown))) == repr(shown), "it changes when pickled"


def check_estimates(estimates: Estimates) -> None:
    """Check vocabulary, dtypes, limits, tests, reasons and influence of estimates."""
    table = estimates.tidy(conf_level=0.9)
    assert tuple(table.columns[-len(STATISTICS) :]) == STATISTICS, "columns of tidy()"
    assert len(table) == len(estimates), "one row an estimate"
    for column in set(STATISTICS) - {"scale", "reason"}:
        assert table[column].dtype == np.float64, f"{column} is no float column"
    inside = table["conf_low"].isna() | (
        (table["conf_low"] <= table["estimate"]) & (table["estimate"] <= table["conf_high"])
    )
    assert inside.all(), "an estimate lies outside its limits"
    lost = table["estimate"].isna()
    assert (table.loc[lost, "reason"] != "").all(), "an estimate is missing without a reason"
    gap = transform(estimates.value, estimates.scale) - transform(estimates.null, estimates.scale)
    statistic, error = (table[c].to_numpy() for c in ("statistic", "std_error"))
    tested = np.isfinite(statistic)
    assert np.allclose((gap / error)[tested], statistic[tested], rtol=_SAME), "statistic"
    if estimates.influences is not None:
        frame = estimates.influence()
        assert list(frame.columns) == ["subject", *estimates.labels()], "columns of influence()"
        assert frame["subject"].is_unique, "a subject has two rows of influence"
        columns = np.isnan(estimates.influences)
        assert (columns.all(axis=0) == columns.any(axis=0)).all(), "an influence is NaN in part"


def check_result(result: EstimateResult) -> None:
    """Check a result that holds estimates."""
    check_summary(result)
    check_estimates(result.estimates())


def check_definition(definition: Definition, study: Study) -> None:
    """Check that a definition speaks for itself, pickles, and can be counted and timed."""
    assert definition.describe(study.scale).strip(), "it does not describe its rule"
    assert definition.label(study.scale).strip(), "it has no label"
    assert pickle.loads(pickle.dumps(definition)) == definition, "it is no value"
    times = time_to(study, definition)
    assert (times.frame["right"] >= times.frame["left"]).all(), "an interval is reversed"
    day = float(max(study.longitudinal()["visit"]))
    proportion = rates(study, definition, day=day, missing="observed").tidy()
    turned = rates(study, ~definition, day=day, missing="observed").tidy()
    met, other = (
        t.loc[t["measure"] == "rate", "estimate"].to_numpy() for t in (proportion, turned)
    )
    assert np.allclose(met + other, 1.0, equal_nan=True), "it and its opposite do not add up to 1"


def check_scale(scale: Scale) -> None:
    """Check that an instrument has a range, sources, and bands that lie within it."""
    assert scale.total[0] < scale.total[1], "the range is empty"
    assert scale.source is not None, "it does not say where it comes from"
    assert scale.summary().to_text(), "it does not show itself"


def check_covariance(structure: Covariance, days: FloatArray) -> None:
    """Check that a structure starts inside, names its parameters, and knows its derivatives."""
    T = len(days)
    S = 0.5 ** np.abs(np.subtract.outer(np.arange(T), np.arange(T))) * 9.0
    theta = np.asarray(structure.start(S, days), dtype=float)
    assert len(theta) == structure.size(T) == len(structure.names([f"{d:g}" for d in days]))
    shape = structure.shape(theta, days)
    assert np.linalg.eigvalsh(shape.value[0]).min() > 0, "it does not start positive definite"
    for k in range(len(theta)):
        step = np.zeros(len(theta))
        step[k] = 1e-6 * max(abs(theta[k]), 1.0)
        ends = [structure.shape(theta + s, days).value[0] for s in (step, -step)]
        slope = (ends[0] - ends[1]) / (2 * step[k])
        assert np.allclose(shape.first[k][0], slope, atol=1e-5), f"derivative {k + 1}"


def check_plot(draw: Callable[..., Any], frame: pd.DataFrame) -> None:
    """Check that a figure draws on the Axes it is given, returns it, and leaves the frame alone."""
    from matplotlib.figure import Figure

    ax = Figure().add_subplot()
    before = frame.copy()
    assert draw(frame, ax=ax) is ax, "it does not return the Axes it was given"
    assert ax.has_data(), "it draws nothing"
    assert ax.get_xlabel(), "the x axis has no label"
    assert ax.get_ylabel() or ax.get_yticklabels(), "the y axis has no label"
    pd.testing.assert_frame_equal(frame, before)


def check_step(step: Step, plan: Plan, study: Study) -> None:
    """Check that a step of a plan returns a section with a title, a lead and tidy frames."""
    task = Task(plan, study, step.key, step.settings())
    assert not list(step.check(task)), "it says that its default settings do not fit the study"
    section = step.run(task)
    assert isinstance(section, Section), "run() does not return a Section"
    assert section.title, "a section has a title"
    assert section.lead, "a section begins with a sentence"
    frames: Mapping[str, pd.DataFrame] = section.frames
    assert all(isinstance(f, pd.DataFrame) for f in frames.values()), "frames are tables"
