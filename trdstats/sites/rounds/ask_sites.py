"""The centre asks the sites, and goes on from their answers until the estimates stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

import numpy as np

from trdstats.arguments import check_instance, checked
from trdstats.errors import NotEstimableError, PlanError, SpecError, check_choice
from trdstats.estimates import Estimates
from trdstats.formulas import read_right_side
from trdstats.plan.plan import Plan
from trdstats.sites.fingerprint import fingerprint_of
from trdstats.sites.rounds.messages import Analysis, Answer, Question
from trdstats.sites.rounds.results import rates_of
from trdstats.sites.rounds.search import ask_spread, begin_search, go_on
from trdstats.study.caveats import Caveat


@checked
def ask_sites(
    plan: Plan,
    analysis: Analysis = "hazards",
    *,
    outcome: str = "response",
    formula: str | None = None,
    estimand: str = "overlap",
) -> Question:
    """Begin a regression over sites that share no rows.

    Sites answer with sums; `next_round` makes of them the next question, and in the end estimates.

    Parameters
    ----------
    plan : Plan
    analysis : {"hazards", "weighted rates"}
        Cox regression with covariates, stratified by site; or the rates of the plan's step
        ``rates``, subjects weighted by propensity scores.
    outcome : str
        Of hazards: "response", "remission" or "relapse".
    formula : str, optional
        Covariates known before treatment. Default: those of ``adjust`` in the plan, and the
        treatment before them for hazards.
    estimand : {"ate", "overlap"}
        Of the weights, as in `PropensityWeights`.

    Raises
    ------
    SpecError
        When an argument is not usable.
    PlanError
        When there are no covariates.

    References
    ----------
    Lu, Wang, Ji and others 2015 (Cox regression over sites), WebDISCO, J Am Med Inform Assoc
    22:1212-1219, doi:10.1093/jamia/ocv083.

    Examples
    --------
    >>> import trdstats as trd
    >>> trd.ask_sites(trd.sample_plan("modalities"), "hazards").formula
    'treatment + age + sex + failed_trials + chronic + baseline'
    """
    check_instance("plan", plan, Plan)
    check_choice("analysis", analysis, get_args(Analysis))
    check_choice("outcome", outcome, ("response", "remission", "relapse"))
    check_choice("estimand", estimand, ("ate", "overlap"))
    if formula is None:
        if plan.adjust is None:
            raise PlanError('Name the covariates: formula=..., or adjust = "..." in the plan.')
        formula = plan.adjust if analysis == "weighted rates" else f"treatment + {plan.adjust}"
    named = set(map(str, read_right_side(formula).required_variables))
    if analysis == "weighted rates" and "treatment" in named:
        raise SpecError("The covariates of weights are known before treatment: leave it out.")
    return Question(
        analysis, outcome if analysis == "hazards" else "",
        estimand if analysis == "weighted rates" else "", plan.title, fingerprint_of(plan),
        formula, "moments", 1, plan.conf_level,
    )  # fmt: skip


@checked
def next_round(question: Question, answers: Sequence[Answer]) -> Question | Estimates:
    """Return the next question, or the estimates when there is nothing more to ask.

    Parameters
    ----------
    question : Question
    answers : sequence of Answer
        Of every site that took part in the round before; of the first question, of all sites.

    Returns
    -------
    Question or Estimates
        Hazard ratios: key term. Weighted rates: keys outcome, label, day, treatment; compare them
        with ``.compare("treatment", reference=...)``. Sites that took no part stand in the notes.

    Raises
    ------
    SpecError
        When an answer belongs to another question, a site is missing, or terms differ.
    NotEstimableError
        When too few sites take part, covariates do not vary or separate the treatments, or a
        coefficient grows without end.

    Examples
    --------
    >>> import trdstats as trd
    >>> plan, study = trd.sample_plan("modalities"), trd.load_sample("modalities")
    >>> names = study.subjects["subject"].tolist()
    >>> parts = {"north": study.keep(names[::2]), "south": study.keep(names[1::2])}
    >>> step = trd.ask_sites(plan, "hazards", formula="treatment + age")
    >>> while isinstance(step, trd.sites.Question):
    ...     step = trd.next_round(step, [
    ...         trd.answer_sites(plan, step, name, minimum=1, study=part)
    ...         for name, part in parts.items()])
    >>> step.tidy()["term"].tolist()[-1]
    'age'
    """
    check_instance("question", question, Question)
    kept, refused = _those_who_take_part(question, answers)
    if question.stage == "moments":
        question = _introduced(question, kept, refused)
    names = {name for a in kept for name in a.numbers}
    total = {
        name: np.sum([a.numbers[name] for a in kept], axis=0, dtype=float) for name in sorted(names)
    }
    asked = replace(question, round=question.round + 1)
    if question.stage == "moments":
        return begin_search(asked, total)
    if question.stage == "likelihood":
        return go_on(asked, total)
    return ask_spread(asked, total) if question.stage == "weights" else rates_of(asked, total)


def _those_who_take_part(
    question: Question, answers: Sequence[Answer]
) -> tuple[list[Answer], list[str]]:
    given = list(answers)
    if not given or any(not isinstance(a, Answer) for a in given):
        raise SpecError("next_round takes answers of sites, from answer_sites or read_round.")
    sites = [a.site for a in given]
    twice = sorted({s for s in sites if sites.count(s) > 1})
    if twice:
        raise SpecError(f"Two answers are of the site {', '.join(map(repr, twice))}.")
    other = [a.site for a in given if a.asked != question.mark]
    if other:
        raise SpecError(
            f"The answer of {', '.join(map(repr, other))} belongs to another question: answer this "
            f"one, round {question.round}."
        )
    lacking = [s for s in question.sites if s not in sites]
    if lacking:
        raise SpecError(f"There is no answer of {', '.join(map(repr, lacking))}.")
    refused = [f"{a.site}: {a.refused}" for a in given if a.refused]
    kept = [a for a in given if not a.refused]
    if refused and question.stage != "moments":
        raise NotEstimableError(f"A site left between two rounds. {' '.join(refused)} Begin anew.")
    if not kept:
        raise NotEstimableError(f"No site takes part. {' '.join(refused)}")
    return sorted(kept, key=lambda a: a.site), refused


def _introduced(question: Question, kept: Sequence[Answer], refused: Sequence[str]) -> Question:
    """Return the first question with those who answered it, and their terms."""
    kinds = {(a.terms, a.labels, a.outcomes) for a in kept}
    if len(kinds) > 1:
        listed = "; ".join(f"{a.site}: {', '.join((*a.terms, *a.labels))}" for a in kept)
        raise SpecError(
            f"The terms differ: {listed}. Name the levels in the plan, the same at every site: "
            "[sites] levels = { treatment = [...] }."
        )
    terms, labels, outcomes = next(iter(kinds))
    return replace(
        question,
        sites=tuple(a.site for a in kept),
        terms=terms,
        labels=labels,
        outcomes=outcomes,
        without=tuple(refused),
        caveat=Caveat.of(next((a.caveat for a in kept if a.caveat), "")),
    )
