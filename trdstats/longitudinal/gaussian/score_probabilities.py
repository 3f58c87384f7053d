"""Probabilities of outcomes under a normal distribution of scores, given the baseline or not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.numerics.normal_boxes import BoxProbabilities, box_probabilities
from trdstats.outcomes.score_boxes import ScoreBoxes

# From baselines to the boxes of every visit that is asked for.
Boxes = Callable[[FloatArray], list[ScoreBoxes]]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(6)
_REACH = 9.0  # standard deviations beyond which nothing is left


def given_baseline(
    boxes: Sequence[ScoreBoxes], row: IntArray, mean: FloatArray, covariance: FloatArray
) -> list[BoxProbabilities]:
    """Return the probabilities of outcomes of subjects whose baseline is known.

    Parameters
    ----------
    boxes : sequence of ScoreBoxes
        One an outcome, for some baselines.
    row : ndarray of int, shape (m,)
        Baseline of each subject.
    mean : ndarray, shape (m, T)
        Of its scores, counted from good to bad.
    covariance : ndarray, shape (T, T)
    """
    return [_sum_of_boxes(one, row, mean, covariance) for one in boxes]


def _sum_of_boxes(
    boxes: ScoreBoxes, row: IntArray, mean: FloatArray, covariance: FloatArray
) -> BoxProbabilities:
    m, T = mean.shape
    order = np.argsort(boxes.row, kind="stable")
    count = np.bincount(boxes.row, minlength=len(boxes.whole))
    start = np.cumsum(count) - count
    n = count[row]
    # Each subject with each box of its baseline.
    subject = np.repeat(np.arange(m), n)
    within = np.arange(int(n.sum())) - np.repeat(np.cumsum(n) - n, n)
    box = order[start[row][subject] + within]
    of_boxes = box_probabilities(boxes.lower[box], boxes.upper[box], mean[subject], covariance)
    sign = boxes.sign[box]
    value, by_mean, by_cov = boxes.whole[row].copy(), np.zeros((m, T)), np.zeros((m, T, T))
    np.add.at(value, subject, sign * of_boxes.value)
    np.add.at(by_mean, subject, sign[:, None] * of_boxes.by_mean)
    np.add.at(by_cov, subject, sign[:, None, None] * of_boxes.by_covariance)
    return BoxProbabilities(np.clip(value, 0.0, 1.0), by_mean, by_cov)


def over_baselines(
    boxes: Boxes, mean: FloatArray, covariance: FloatArray, *, floor: float, top: float, step: float
) -> list[BoxProbabilities]:
    """Return the probabilities of outcomes where the baseline is itself one of the scores.

    The distribution of the baseline is integrated over by Gauss and Legendre's rule, in pieces
    within which the rounded baseline does not change; at each point the others are normal given
    the baseline there.

    Parameters
    ----------
    boxes : callable
        From baselines, as they are recorded, to the boxes of every outcome.
    mean : ndarray, shape (m, 1 + T)
        The baseline first.
    covariance : ndarray, shape (1 + T, 1 + T)
    floor, top, step : float
        Lowest and highest total, and the distance between two; a step of 0 does not round.
    """
    m = len(mean)
    variance, cross = float(covariance[0, 0]), covariance[0, 1:]
    sd = float(np.sqrt(variance))
    x, weight = _points(mean[:, 0], sd, floor, step)
    recorded = np.clip(floor + step * np.floor((x - floor) / step + 0.5), floor, top) if step else x
    baselines, row = np.unique(recorded, return_inverse=True)
    of_boxes = boxes(baselines)
    away = x - mean[:, :1]  # (m, points)
    density = weight * np.exp(-(away**2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)
    pull = cross / variance
    inner_mean = mean[:, None, 1:] + away[:, :, None] * pull
    inner_covariance = covariance[1:, 1:] - np.outer(cross, pull)
    k = len(x)
    inner = given_baseline(
        of_boxes, np.tile(row.reshape(-1), m), inner_mean.reshape(m * k, -1), inner_covariance
    )
    return [_mixed(one, density, away, variance, cross) for one in inner]


def _points(
    centres: FloatArray, sd: float, floor: float, step: float
) -> tuple[FloatArray, FloatArray]:
    """Return points and weights over the reach of all centres, in pieces of whole steps."""
    low, high = float(centres.min()) - _REACH * sd, float(centres.max()) + _REACH * sd
    width = sd / 2
    if step:
        width = step / np.ceil(step / width)
        low = floor + step * (np.floor((low - floor) / step) - 0.5)
    edges = low + width * np.arange(int(np.ceil((high - low) / width)) + 1)
    half = width / 2
    points = (edges[:-1] + half)[:, None] + half * _NODES
    return points.ravel(), np.tile(half * _WEIGHTS, len(edges) - 1)


def _mixed(
    inner: BoxProbabilities,
    density: FloatArray,
    away: FloatArray,
    variance: float,
    cross: FloatArray,
) -> BoxProbabilities:
    """Return the mean over baselines, with its derivatives in the joint mean and covariance."""
    m, k = density.shape
    T = len(cross)
    p = inner.value.reshape(m, k)
    g = inner.by_mean.reshape(m, k, T)
    G = inner.by_covariance.reshape(m, k, T, T)
    w = density
    value = (w * p).sum(axis=1)
    of_mean = np.einsum("mk,mkt->mt", w, g)
    of_cov = np.einsum("mk,mkst->mst", w, G)
    with_away = np.einsum("mk,mkt->mt", w * away, g)
    # The conditional mean and covariance move with the mean, the variance and the covariances of
    # the baseline; so does its density.
    by_mean = np.empty((m, T + 1))
    by_mean[:, 1:] = of_mean
    by_mean[:, 0] = -of_mean @ cross / variance + (w * p * away).sum(axis=1) / variance
    by_cov = np.empty((m, T + 1, T + 1))
    by_cov[:, 1:, 1:] = of_cov
    of_cross = with_away / variance - 2 * of_cov @ cross / variance
    by_cov[:, 0, 1:] = by_cov[:, 1:, 0] = of_cross / 2
    by_cov[:, 0, 0] = (
        -with_away @ cross / variance**2
        + np.einsum("s,mst,t->m", cross, of_cov, cross) / variance**2
        + (w * p * (away**2 / variance - 1)).sum(axis=1) / (2 * variance)
    )
    return BoxProbabilities(np.clip(value, 0.0, 1.0), by_mean, by_cov)
