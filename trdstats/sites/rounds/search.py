"""The centre's side of the rounds: Newton steps on sums of all sites, then weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.errors import NotEstimableError
from trdstats.estimates import Estimates
from trdstats.sites.rounds.messages import Question
from trdstats.sites.rounds.results import hazards_of
from trdstats.sites.rounds.rows import STEEP
from trdstats.sites.rounds.sums import Sums

# Steps of this size, a standard deviation of each covariate, change nothing that is shown.
_STILL = 1e-7
_MOST = 40  # rounds


def begin_search(question: Question, total: Sums) -> Question:
    """Return the first question on the likelihood, at coefficients of 0.

    Raises
    ------
    NotEstimableError
        When a covariate does not vary, or no subject had the event or a treatment.
    """
    n = float(total["n"].sum())
    centre = total["sum"] / n
    variance = np.maximum(total["squares"] / n - centre**2, 0.0)
    level = variance <= 1e-12 * np.maximum(total["squares"] / n, 1e-300)
    if level.any():
        names = ", ".join(t for t, same in zip(question.terms, level, strict=True) if same)
        raise NotEstimableError(f"All subjects of all sites have the same {names}.")
    if question.analysis == "hazards" and not total["events"][0]:
        raise NotEstimableError(f"No subject of the sites had {question.outcome}.")
    if question.labels and not (total["n"] > 0).all():
        empty = ", ".join(a for a, k in zip(question.labels, total["n"], strict=True) if not k)
        raise NotEstimableError(f"No subject of the sites had {empty}.")
    q = len(question.terms)
    size = q if question.analysis == "hazards" else (len(question.labels) - 1) * (q + 1)
    if not size:
        raise NotEstimableError("There is one treatment: weights have nothing to compare.")
    numbers = {
        "centre": centre, "scale": np.sqrt(variance), "at": np.zeros(size),
        "n": total["n"], "events": total["events"],
    }  # fmt: skip
    return replace(question, stage="likelihood", numbers=numbers)


def go_on(question: Question, total: Sums) -> Question | Estimates:
    """Return the next coefficients to be asked for, or what follows where they stand.

    A step that led downward is halved.

    Raises
    ------
    NotEstimableError
        When covariates are collinear, or coefficients grow without end.
    """
    numbers, at = question.numbers, question.numbers["at"]
    loglik = float(total["loglik"][0])
    if "from" in numbers:
        before = float(numbers["loglik"][0])
        if loglik < before - 1e-9 * (1 + abs(before)):
            half = numbers["from"] + (at - numbers["from"]) / 2
            return _asking(question, {**numbers, "at": half})
    step = _step(question, total)
    if np.abs(step).max() < _STILL:
        return _settled(question, total, at + step)
    _check(question, at + step)
    return _asking(
        question, {**numbers, "from": at, "loglik": total["loglik"], "at": at + step}
    )  # fmt: skip


def _asking(question: Question, numbers: Sums) -> Question:
    if question.round > _MOST:
        raise NotEstimableError(f"No maximum was found in {_MOST} rounds: use fewer covariates.")
    return replace(question, numbers=numbers)


def _step(question: Question, total: Sums) -> FloatArray:
    information = total["information"]
    size = np.sqrt(np.maximum(np.diag(information), 1e-300))
    if np.linalg.eigvalsh(information / np.outer(size, size))[0] < 1e-10:
        raise NotEstimableError(
            f"The covariates {', '.join(question.terms)} are collinear, or do not vary within any "
            "site: leave one out."
        )
    return np.asarray(np.linalg.solve(information, total["score"]))


def _check(question: Question, at: FloatArray) -> None:
    """Refuse coefficients that grow without end; an intercept may be large."""
    steep = np.abs(at.reshape(-1, at.size // max(len(question.labels) - 1, 1)))
    if question.labels:
        steep = steep[:, 1:]
    if steep.max() > STEEP:
        names = [t for t, s in zip(question.terms, steep.max(axis=0), strict=True) if s > STEEP]
        what = "the treatments" if question.labels else "who had the event"
        raise NotEstimableError(f"{', '.join(names)} separates {what}: leave it out.")


def _settled(question: Question, total: Sums, at: FloatArray) -> Question | Estimates:
    if question.analysis == "hazards":
        return hazards_of(question, at, total["information"])
    numbers = {k: question.numbers[k] for k in ("centre", "scale", "n")}
    numbers |= {"at": at, "information": total["information"]}
    return replace(question, stage="weights", numbers=numbers)


def ask_spread(question: Question, total: Sums) -> Question:
    """Return the last question on weights: how the rates depend on the subjects."""
    known = total["weight_met"] > 0
    whole = np.where(known, total["weight_met"], 1.0)
    rate = total["met"] / whole
    slope = total["met_derivative"] - rate[:, :, None] * total["derivative_met"]
    numbers = {
        **question.numbers,
        "rate": rate,
        "weight": total["weight"],
        "weight_met": whole,
        "squares": total["squares"],
        "n_met": total["n_met"],
        "slope": slope / whole[:, :, None],
        "mean_derivative": total["derivative"] / total["weight"][:, None],
    }
    return replace(question, stage="spread", numbers=numbers)
