"""The centre's side of the rounds: Newton steps on sums of all sites, then weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.errors import NotEstimableError, SpecError
from trdstats.sites.rounds.messages import Question
from trdstats.sites.rounds.results import SiteEstimates, hazards_of
from trdstats.sites.rounds.sums import Sums

# Steps of this size, a standard deviation of each covariate, change nothing that is shown.
_STILL = 1e-7
# A step of this size that changes the likelihood so little leads on without end.
_MOVING, _GAINED = 0.02, 1e-5
_MOST = 40  # rounds


def begin_search(question: Question, total: Sums) -> Question:
    """Return the first question on the likelihood, at coefficients of 0.

    Raises
    ------
    NotEstimableError
        When a covariate does not vary, or no subject had the event or a treatment.
    """
    n = float(total["n"].sum())
    if question.labels and not (total["n"] > 0).all():
        empty = ", ".join(a for a, k in zip(question.labels, total["n"], strict=True) if not k)
        raise NotEstimableError(f"No subject of the sites had {empty}: take it out of the levels.")
    centre = total["sum"] / n
    variance = np.maximum(total["squares"] / n - centre**2, 0.0)
    level = variance <= 1e-12 * np.maximum(total["squares"] / n, 1e-300)
    if level.any():
        names = ", ".join(t for t, same in zip(question.terms, level, strict=True) if same)
        raise NotEstimableError(
            f"All subjects of all sites are alike in {names}: leave it out, or the level that no "
            "subject has."
        )
    if question.analysis == "hazards" and not total["events"][0]:
        raise NotEstimableError(f"No subject of the sites had {question.outcome}.")
    if question.analysis != "hazards" and len(question.labels) < 2:
        raise NotEstimableError("There is one treatment: weights have nothing to compare.")
    q = len(question.terms)
    size = q if question.analysis == "hazards" else (len(question.labels) - 1) * (q + 1)
    numbers = {
        "centre": centre, "scale": np.sqrt(variance), "at": np.zeros(size),
        "n": total["n"], "events": total["events"],
    }  # fmt: skip
    return replace(question, stage="likelihood", numbers=numbers)


def go_on(question: Question, total: Sums) -> Question | SiteEstimates:
    """Return the next coefficients to be asked for, or what follows where they stand.

    A step that led downward is halved.

    Raises
    ------
    NotEstimableError
        When covariates are collinear, or coefficients grow without end.
    """
    numbers, at = question.numbers, question.numbers["at"]
    loglik, gained = float(total["loglik"][0]), np.inf
    if "from" in numbers:
        if numbers["from"].shape != at.shape or numbers.get("loglik", at).shape != (1,):
            raise SpecError("The question holds what cannot be: the step before. Make it anew.")
        before = float(numbers["loglik"][0])
        gained = (loglik - before) / (1 + abs(before))
        if gained < -1e-9:
            half = numbers["from"] + (at - numbers["from"]) / 2
            return _asking(question, {**numbers, "at": half})
    step = _step(question, total)
    if np.abs(step).max() < _STILL:
        return _settled(question, total, at + step)
    if gained < _GAINED and np.abs(step).max() > _MOVING:
        raise _separated(question, step)
    return _asking(question, {**numbers, "from": at, "loglik": total["loglik"], "at": at + step})


def _asking(question: Question, numbers: Sums) -> Question:
    if question.round > _MOST:
        raise NotEstimableError(f"No maximum was found in {_MOST} rounds: use fewer covariates.")
    return replace(question, numbers=numbers)


def _step(question: Question, total: Sums) -> FloatArray:
    information = total["information"]
    size = np.sqrt(np.maximum(np.diag(information), 1e-300))
    if np.linalg.eigvalsh(information / np.outer(size, size))[0] < 1e-10:
        raise NotEstimableError(
            f"{', '.join(question.terms)}: some of them are collinear, or do not vary among the "
            "subjects of any site. Leave one out."
        )
    return np.asarray(np.linalg.solve(information, total["score"]))


def _separated(question: Question, step: FloatArray) -> NotEstimableError:
    """Name the covariates whose coefficients grow while the likelihood stands still."""
    by_term = np.abs(step.reshape(max(len(question.labels) - 1, 1), -1)).max(axis=0)
    terms = ("", *question.terms) if question.labels else question.terms
    names = [t for t, s in zip(terms, by_term, strict=True) if t and s > by_term.max() / 2]
    what, had = ("treatment", "got one treatment") if question.labels else ("event", "had it")
    listed = ", ".join(names) or ", ".join(question.terms)
    return NotEstimableError(
        f"There is no finite estimate: {listed} predicts the {what} of some subjects perfectly, as "
        f"where all subjects with one value of it {had}. Leave {listed} out, or join the category "
        "with another one."
    )


def _settled(question: Question, total: Sums, at: FloatArray) -> Question | SiteEstimates:
    if question.analysis == "hazards":
        return hazards_of(question, at, total["information"])
    numbers = {k: question.numbers[k] for k in ("centre", "scale", "n")}
    numbers |= {"at": at, "information": total["information"]}
    return replace(question, stage="weights", numbers=numbers)


def ask_spread(question: Question, total: Sums) -> Question:
    """Return the last question on weights: how the rates depend on the subjects."""
    whole = np.where(total["weight_met"] > 0, total["weight_met"], 1.0)
    rate = total["met"] / whole
    slope = total["met_derivative"] - rate[:, :, None] * total["derivative_met"]
    numbers = {
        **question.numbers,
        "rate": rate,
        "weight": total["weight"],
        "weight_met": total["weight_met"],
        "squares": total["squares"],
        "n_met": total["n_met"],
        "slope": slope / whole[:, :, None],
        "mean_derivative": total["derivative"] / total["weight"][:, None],
    }
    return replace(question, stage="spread", numbers=numbers)
