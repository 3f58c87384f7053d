"""Tidy frames as the rest of the library hands them over, and a backend without a screen."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

EIGHT = ["Ketamine", "Esketamine", "rTMS", "ECT", "VNS", "Psilocybin", "Digital CBT", "Lifestyle"]
THREE = ["Ketamine", "ECT", "rTMS"]
LAST_DAY = dict(zip(EIGHT, [28, 180, 365, 180, 730, 84, 90, 180], strict=True))


@pytest.fixture(autouse=True)
def _clean_pyplot() -> Iterator[None]:
    before = dict(matplotlib.rcParams)
    yield
    plt.close("all")
    assert dict(matplotlib.rcParams) == before, "drawing changed global settings"


@pytest.fixture(params=[THREE, EIGHT], ids=["three", "eight"])
def names(request: pytest.FixtureRequest) -> list[str]:
    return request.param


def make_means(names: list[str]) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    rows = []
    for name in names:
        for day in (0, 2, 7, 14, 28, 84, 90, 180, 365, 730):
            if day <= LAST_DAY[name]:
                mean, half = 34 - 2 * np.sqrt(min(day, 40)) + rng.normal(), rng.uniform(1, 3)
                rows.append((name, day, 100 - day // 10, mean, mean - half, mean + half))
    return pd.DataFrame(
        rows, columns=["treatment", "day", "n", "estimate", "conf_low", "conf_high"]
    )


def make_curve(names: list[str]) -> pd.DataFrame:
    """Six times a treatment; no limits before the first event nor once the curve is at 0."""
    rows = []
    for k, name in enumerate(names):
        times = np.array([3, 5, 9, 14, 20, 27]) * LAST_DAY[name] / 27
        survival = np.array([1, 0.8, 0.8, 0.5, 0.3, 0.0]) ** (1 + k / 8)
        for i, (time, s) in enumerate(zip(times, survival, strict=True)):
            known = 0 < s < 1
            limits = (max(s - 0.1, 0), min(s + 0.1, 1)) if known else (np.nan, np.nan)
            rows.append((name, time, 60 - 9 * i, int(i != 2), int(i == 2), s, *limits))
    columns = ["treatment", "time", "n_risk", "n_event", "n_censor"]
    return pd.DataFrame(rows, columns=[*columns, "estimate", "conf_low", "conf_high"])


def make_at_risk(names: list[str], times: list[float]) -> pd.DataFrame:
    rows = [(n, t, 100 + 10 * k - i) for k, n in enumerate(names) for i, t in enumerate(times)]
    return pd.DataFrame(rows, columns=["treatment", "time", "n_risk"])


def make_changes(names: list[str]) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    rows = [(f"{n}{i}", n, max(-100.0, rng.normal(-45, 30))) for n in names for i in range(12)]
    frame = pd.DataFrame(rows, columns=["subject", "treatment", "percent_change"])
    frame.loc[[1, 3], "percent_change"] = [160.0, np.nan]
    return frame


def make_estimates(names: list[str]) -> pd.DataFrame:
    estimate = np.linspace(-6, 2, len(names))
    return pd.DataFrame(
        {
            "label": [f"{name} v control" for name in names],
            "treatment": names,
            "estimate": estimate,
            "conf_low": estimate - 1.5,
            "conf_high": estimate + 2,
        }
    )


@pytest.fixture
def fake() -> SimpleNamespace:
    """Makers of frames, and the names of treatments."""
    return SimpleNamespace(
        THREE=THREE,
        EIGHT=EIGHT,
        means=make_means,
        curve=make_curve,
        at_risk=make_at_risk,
        changes=make_changes,
        estimates=make_estimates,
    )


@pytest.fixture
def texts() -> Callable[..., list[str]]:
    """Every visible text of a figure, line breaks as spaces."""

    def read(figure: plt.Figure) -> list[str]:
        found = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip()]
        return [" ".join(t.get_text().split()) for t in found]

    return read
