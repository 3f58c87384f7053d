"""Adjustment of families: published examples, R's numbers, and relations between procedures."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from statsmodels.stats.multitest import multipletests

import trdstats as trd
from trdstats.errors import SpecError, UnknownNameError
from trdstats.estimates import Estimates, Graph, estimates_of
from trdstats.estimates.procedures import stepwise

P = st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=6)


def family(z: list[float], covariance: np.ndarray | None = None, **keys: list[str]) -> Estimates:
    k = len(z)
    frame = pd.DataFrame(keys or {"treatment": [f"T{i}" for i in range(k)]})
    V = np.eye(k) if covariance is None else covariance
    return estimates_of(frame, np.array(z) * np.sqrt(np.diag(V)), covariance=V, null=0.0)


@given(P)
def test_holm_as_a_graph(p: list[float]) -> None:
    k = len(p)
    equal = (np.ones((k, k)) - np.eye(k)) / max(k - 1, 1)
    graph = Graph(np.full(k, 1 / k), equal)
    assert graph.adjust(p) == pytest.approx(stepwise(np.array(p), "holm"), rel=1e-9)


@given(P)
def test_a_fixed_sequence_as_a_graph(p: list[float]) -> None:
    k = len(p)
    graph = Graph(np.eye(k)[0], np.eye(k, k=1))
    assert graph.adjust(p) == pytest.approx(stepwise(np.array(p), "fixed sequence"), rel=1e-12)


@given(P)
def test_stepwise_procedures_of_statsmodels(p: list[float]) -> None:
    names = {"bonferroni": "bonferroni", "holm": "holm", "hochberg": "simes-hochberg",
             "hommel": "hommel", "benjamini-hochberg": "fdr_bh"}  # fmt: skip
    for ours, theirs in names.items():
        adjusted = stepwise(np.array([*p, np.nan]), ours)
        with patch("gc.collect"):  # statsmodels looks through all that the tests hold each time
            reference = multipletests(p, method=theirs)[1]
        assert adjusted[:-1] == pytest.approx(reference, rel=1e-12)
        assert np.isnan(adjusted[-1])


@given(P)
def test_procedures_are_ordered(p: list[float]) -> None:
    found = {m: stepwise(np.array(p), m) for m in ("bonferroni", "holm", "hochberg", "hommel")}
    tiny = 1e-12
    assert (found["holm"] <= found["bonferroni"] + tiny).all()
    assert (found["hochberg"] <= found["holm"] + tiny).all()
    assert (found["hommel"] <= found["hochberg"] + tiny).all()
    assert (found["hommel"] >= np.array(p) - tiny).all()


def test_published_example_of_a_graph() -> None:
    # Two primary hypotheses that share the error rate, each handing its share to its own
    # secondary one, which hands it to the other primary (Bretz et al. 2009, section 3, the
    # diabetes trial): p 0.01, 0.02, 0.005, 0.015 at 0.025 rejects H1, H3 and then H2, H4.
    graph = Graph([0.5, 0.5, 0, 0], [[0, 0, 1, 0], [0, 0, 0, 1], [0, 1, 0, 0], [1, 0, 0, 0]])
    # By hand: H1 at .01/.5 = .02, its share goes to H3 (.5): .005/.5 = .01 -> .02; that share goes
    # to H2, which now holds 1: .02/1 = .02; all of it goes to H4: .015 -> .02.
    assert graph.adjust([0.01, 0.02, 0.005, 0.015]) == pytest.approx([0.02, 0.02, 0.02, 0.02])


def test_dunnett_equals_the_exact_tail() -> None:
    # Two balanced comparisons with one control, correlation 1/2; the largest |z| of a bivariate
    # normal reaches 2.2121 with probability 0.05 (Dunnett 1964, table II, infinite df: 2.21).
    V = np.array([[1, 0.5], [0.5, 1]])
    found = family([2.2121, 1.0], V).adjust("dunnett")
    assert found.p_value[0] == pytest.approx(0.05, abs=2e-5)
    low, high = found.interval(0.95)
    assert (high - low)[0] / 2 == pytest.approx(2.2121, abs=2e-4)


def test_independent_tests_have_sidaks_tail() -> None:
    found = family([3.0, 1.0, 0.2]).adjust("max-t")
    single = 2 * norm.sf([3.0, 1.0, 0.2])
    assert found.p_value == pytest.approx(1 - (1 - single) ** 3, rel=0.02)


def test_tukey_of_three_levels() -> None:
    # Pairs of three means with variance 1/2 each; the 0.95 quantile of the studentised range of
    # three with infinite df is 3.314 (tables).
    C = np.array([[-1, 1, 0], [-1, 0, 1], [0, -1, 1]])
    found = family([3.314 / np.sqrt(2), 1.0, 0.5], C @ C.T / 2).adjust("tukey")
    assert found.p_value[0] == pytest.approx(0.05, abs=1e-4)
    with pytest.raises(SpecError, match="2 comparisons are not all pairs"):
        family([1.0, 2.0]).adjust("tukey")


def test_families_are_adjusted_apart() -> None:
    found = family(
        [2.0, 2.5, 1.0, 3.0], visit=["7", "7", "28", "28"], treatment=["B", "C", "B", "C"]
    )
    p = found.p_value
    adjusted = found.adjust("bonferroni", within="visit")
    assert adjusted.p_value == pytest.approx(np.minimum(2 * p, 1))
    assert "P values and limits adjusted by Bonferroni within each visit." in adjusted.notes
    half = (adjusted.interval(0.95)[1] - adjusted.interval(0.95)[0]) / 2
    assert half == pytest.approx(np.full(4, norm.isf(0.025 / 2)))
    with pytest.raises(UnknownNameError, match="Unknown key 'day'"):
        found.adjust("holm", within="day")


def test_what_could_not_be_had_takes_no_part() -> None:
    found = family([2.0, np.nan, 2.5])
    for method, size in (("bonferroni", 2), ("holm", 2), ("max-t", 2), ("hommel", 2)):
        p = found.adjust(method).p_value
        alone = family([2.0, 2.5]).adjust(method).p_value
        assert np.isnan(p[1]), (method, size)
        assert p[[0, 2]] == pytest.approx(alone, rel=1e-9)


def test_a_sequence_has_no_limits() -> None:
    found = family([3.0, 1.0, 4.0]).adjust("fixed sequence")
    assert found.p_value[2] == found.p_value[1] > 0.3
    assert np.isnan(found.interval(0.95)[0]).all()
    assert "has no limits that belong to them" in found.notes[-1]


def test_adjusting_again_starts_from_the_unadjusted() -> None:
    found = family([2.0, 2.5])
    once = found.adjust("bonferroni")
    assert once.adjust("bonferroni").p_value == pytest.approx(once.p_value)
    assert once.contrast([1, 0]).p_value[0] == pytest.approx(found.p_value[0])


@pytest.mark.parametrize(
    ("weights", "transitions", "words"),
    [
        ([0.6, 0.6], [[0, 1], [1, 0]], "weights must sum to at most 1"),
        ([1, 0], [[0, 1]], r"2 rows of 2; got shape \(1, 2\)"),
        ([1, 0], [[0.5, 0.5], [1, 0]], "the diagonal must be 0"),
        ([1, 0], [[0, 1.5], [1, 0]], "sum to at most 1"),
    ],
)
def test_graphs_that_cannot_be_used(
    weights: list[float], transitions: list[list[float]], words: str
) -> None:
    with pytest.raises(SpecError, match=words):
        Graph(weights, transitions)


def test_a_graph_belongs_to_its_method() -> None:
    found = family([2.0, 2.5])
    with pytest.raises(SpecError, match="graph= belongs to adjust"):
        found.adjust("graphical")
    with pytest.raises(SpecError, match="The graph has 1 hypotheses; got 2"):
        found.adjust("graphical", graph=Graph([1], [[0]])).tidy()
    with pytest.raises(SpecError, match="names hypotheses without a weight"):
        Graph.of_names({"a": 1}, {"a": {"b": 1}})


def test_stepwise_adjustment_starts_from_the_test_of_the_estimate() -> None:
    # Score tests of two differences of rates: Holm doubles the smaller p and leaves the larger.
    rates = trd.rates(trd.load_sample("trial"), trd.Response(), day=28)
    gaps = rates.estimates().only(measure="difference")
    small, large = np.sort(gaps.p_value)
    holm = gaps.adjust("holm")
    assert np.sort(holm.p_value) == pytest.approx([2 * small, large], rel=1e-12)
    # Limits are the score limits at 1 - 0.05 / 2.
    for adjusted, plain in zip(holm.interval(0.95), gaps.interval(0.975), strict=True):
        assert adjusted == pytest.approx(plain, rel=1e-12)
    one = holm.select([0]).adjust("holm")
    assert one.p_value == pytest.approx(gaps.p_value[:1], rel=1e-12)


def test_comparisons_are_not_compared_again() -> None:
    gaps = trd.rates(trd.load_sample("trial"), trd.Response(), day=28).estimates()
    with pytest.raises(SpecError, match=r"already\. Combine them with contrast\(L\), or adjust"):
        gaps.only(measure="difference").compare()
