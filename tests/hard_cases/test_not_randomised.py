"""Mixed models of treatments that were not randomised say so wherever they compare them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from trdstats import LMM, MMRM, PropensityWeights, Study, load_sample
from trdstats.longitudinal.gaussian.mixed_result import MixedResult

LABEL = "Unadjusted: treatments were not randomised"


@pytest.fixture(autouse=True)
def close_figures() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def study() -> Study:
    return load_sample("modalities").only(["TMS", "Esketamine"])


def shown(*results: Any) -> list[str]:
    return [text for r in results for text in (repr(r), r._repr_html_())]


def written(ax: Any) -> str:
    figure = ax.figure
    return " ".join(t.get_text() for t in figure.findobj(lambda a: hasattr(a, "get_text")))


@pytest.mark.parametrize("given", ["study", "frame"])
@pytest.mark.parametrize("model", ["MMRM", "LMM"])
def test_the_label_is_on_every_table_and_figure(study: Study, given: str, model: str) -> None:
    data = study if given == "study" else study.longitudinal(days=[7, 14, 28])
    spec = (
        LMM("change ~ baseline + treatment + day")
        if model == "LMM"
        else MMRM("change ~ baseline + treatment + visit", covariance="cs", ddf="residual")
    )
    fit: MixedResult = spec.fit(data)
    means = fit.margins("treatment")
    gaps = means.contrasts()
    for text in shown(fit, means, gaps):
        assert LABEL in text
    for ax in (means.plot(), gaps.plot()):
        assert LABEL in " ".join(written(ax).split())
    if model == "MMRM":
        by_visit = fit.margins("treatment", by="visit")
        assert LABEL in " ".join(written(by_visit.plot()).split())
        assert LABEL in repr(by_visit.area(7, 28))


def test_the_label_stays_with_parts_of_a_frame(study: Study) -> None:
    frame = study.longitudinal(days=[7, 14, 28])
    for part in (frame[frame["visit"] > 7], frame.assign(z=1.0), frame.dropna(), frame.copy()):
        fit = MMRM("change ~ baseline + treatment", covariance="cs", ddf="residual").fit(part)
        assert LABEL in repr(fit)


def test_a_constrained_analysis_has_the_label(study: Study) -> None:
    model = MMRM("score ~ visit + treatment", constrained=True, covariance="cs", ddf="residual")
    assert LABEL in repr(model.fit(study))


def test_weights_that_adjust_change_the_label(study: Study) -> None:
    weights = PropensityWeights("age + failed_trials").fit(study)
    fit = MMRM("change ~ treatment + visit", covariance="cs").fit(
        study.longitudinal(days=[7, 14, 28]), weights=weights
    )
    for text in shown(fit, fit.margins("treatment").contrasts()):
        assert "Not randomised; weights balance only what was measured" in text
        assert LABEL not in text


def test_trials_and_frames_of_ones_own_carry_no_label() -> None:
    trial = load_sample("trial")
    model = MMRM("change ~ baseline + treatment + visit", covariance="cs", ddf="residual")
    frame = trial.longitudinal(days=[7, 14])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for data in (frame, pd.DataFrame(frame.to_dict("list"))):
            fit = model.fit(data)
            assert "randomised" not in repr(fit) + repr(fit.margins("treatment"))
