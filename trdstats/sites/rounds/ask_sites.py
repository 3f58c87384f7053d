"""The centre asks the sites, and goes on from their answers until the estimates stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, get_args

import numpy as np

from trdstats.arguments import check_instance, checked
from trdstats.errors import NotEstimableError, PlanError, SpecError, check_choice
from trdstats.plan.plan import Plan
from trdstats.sites.collect import reference_of
from trdstats.sites.fingerprint import fingerprint_of
from trdstats.sites.rounds.messages import Analysis, Answer, Question
from trdstats.sites.rounds.results import SiteEstimates, rates_of
from trdstats.sites.rounds.rows import columns_of, outcomes_of
from trdstats.sites.rounds.search import ask_spread, begin_search, go_on
from trdstats.sites.rounds.shapes import check_shapes, shapes_of_answer
from trdstats.sites.rounds.units import notes_of_units

_NOT_BELOW_0 = (
    "n", "events", "squares", "n_met", "column_squares", "weighted_column_squares", "scores_lowest",
    "scores_highest", "not_marks",
)  # fmt: skip


@checked
def ask_sites(
    plan: Plan,
    analysis: Analysis = "hazards",
    *,
    outcome: Literal["response", "remission", "relapse"] = "response",
    formula: str | None = None,
    estimand: Literal["ate", "overlap"] = "overlap",
) -> Question:
    """Begin a regression over sites that share no rows.

    Sites answer with sums; `next_round` makes of them the next question, and in the end estimates.

    Parameters
    ----------
    plan : Plan
        With the levels of all categories, ``[sites] levels``.
    analysis : {"hazards", "weighted rates"}
        Cox regression with covariates, stratified by site; or the rates of the plan's step
        ``rates``, subjects weighted by propensity scores.
    outcome : {"response", "remission", "relapse"}
        Of the hazards.
    formula : str, optional
        Columns of the subjects joined by +, known before treatment. Default: those of ``adjust`` in
        the plan, and the treatment before them for hazards.
    estimand : {"ate", "overlap"}
        Of the weights, as in `PropensityWeights`.

    Raises
    ------
    SpecError
        When an argument is not usable.
    PlanError
        When there are no covariates, or no rates.

    References
    ----------
    Lu, Wang, Ji and others 2015 (WebDISCO: Cox regression over sites), J Am Med Inform Assoc
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
    weighted = analysis == "weighted rates"
    if formula is None:
        if plan.adjust is None:
            raise PlanError('Name the covariates: formula=..., or adjust = "..." in the plan.')
        formula = plan.adjust if weighted else f"treatment + {plan.adjust}"
    if "treatment" in columns_of(formula) and weighted:
        raise SpecError("The covariates of weights are known before treatment: leave it out.")
    if weighted and not list(outcomes_of(plan)):
        raise PlanError("The plan has no step `rates` on its first scale: there are no rates.")
    reference = reference_of(plan)
    notes = [f"Reference: {reference}."] if reference else []
    if not weighted:
        notes.append(
            "Ties by Efron's method; an event counts on the day of the visit that showed it."
        )
    return Question(
        analysis, "" if weighted else outcome, estimand if weighted else "", plan.title,
        fingerprint_of(plan), formula, "moments", 1, float(plan.conf_level),
        named=plan.sites.names, notes=tuple(notes),
    )  # fmt: skip


@checked
def next_round(question: Question, answers: Sequence[Answer]) -> Question | SiteEstimates:
    """Return the next question, or the estimates when there is nothing more to ask.

    Parameters
    ----------
    question : Question
    answers : sequence of Answer
        Of every site that took part in the round before; of the first question, of all sites.

    Returns
    -------
    Question or SiteEstimates
        Hazard ratios: key term. Weighted rates: keys outcome, label, day, treatment; compare them
        with ``.compare("treatment", reference=...)``. Sites that took no part stand in the notes.

    Raises
    ------
    SpecError
        When an answer belongs to another question or holds what cannot be, a site is missing, or
        terms differ.
    NotEstimableError
        When no site takes part, covariates do not vary or separate the treatments, or a
        coefficient grows without end.

    Examples
    --------
    >>> import trdstats as trd
    >>> plan, study = trd.sample_plan("trial"), trd.load_sample("trial")
    >>> names = study.subjects["subject"].tolist()
    >>> parts = {"north": study.keep(names[::2]), "south": study.keep(names[1::2])}
    >>> step = trd.ask_sites(plan, "hazards", formula="age + baseline")
    >>> while isinstance(step, trd.sites.Question):
    ...     step = trd.next_round(step, [
    ...         trd.answer_sites(plan, step, name, minimum=1, study=part)
    ...         for name, part in parts.items()])
    >>> step.tidy()["term"].tolist()
    ['age', 'baseline']
    """
    check_instance("question", question, Question)
    given = [answers] if isinstance(answers, Answer) else list(answers)
    kept = _those_who_take_part(question, given)
    if question.stage == "moments":
        question = _introduced(question, kept, given)
    for a in kept:
        _check_answer(question, a)
    if question.stage == "moments":
        question = replace(question, notes=(*question.notes, *notes_of_units(question.terms, kept)))
    total = {
        name: np.sum([a.numbers[name] for a in kept], axis=0, dtype=float)
        for name in sorted(kept[0].numbers)
    }
    asked = replace(question, round=question.round + 1)
    if question.stage == "moments":
        return begin_search(asked, total)
    if question.stage == "likelihood":
        return go_on(asked, total)
    return ask_spread(asked, total) if question.stage == "weights" else rates_of(asked, total)


def _those_who_take_part(question: Question, given: Sequence[Answer]) -> list[Answer]:
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
            f"one, number {question.round}."
        )
    lacking = [s for s in question.sites if s not in sites]
    if lacking:
        raise SpecError(f"There is no answer of {', '.join(map(repr, lacking))}.")
    later = question.stage != "moments"
    # A site without part in the first question may go on answering that it has none.
    asked = [a for a in given if not (later and a.refused and a.site not in question.sites)]
    strange = [a.site for a in asked if later and a.site not in question.sites]
    if strange:
        raise SpecError(
            f"{', '.join(map(repr, strange))} took no part in the first round: leave its answer "
            "out."
        )
    refused = [f"{a.site}: {a.refused}" for a in asked if a.refused]
    kept = [a for a in asked if not a.refused]
    if refused and later:
        raise NotEstimableError(
            f"A site cannot answer this round. {' '.join(refused)} Begin again without it, or with "
            "fewer covariates."
        )
    if not kept:
        raise NotEstimableError(f"No site takes part. {' '.join(refused)}")
    return sorted(kept, key=lambda a: a.site)


def _introduced(question: Question, kept: Sequence[Answer], given: Sequence[Answer]) -> Question:
    """Return the first question with those who answered it, and what they have in common."""
    for what in ("terms", "columns", "labels", "outcomes"):
        if len({getattr(a, what) for a in kept}) > 1:
            listed = "; ".join(f"{a.site}: {', '.join(getattr(a, what))}" for a in kept)
            raise SpecError(
                f"The {what} differ: {listed}. Name the levels in the plan, the same at every "
                "site: [sites] levels = { treatment = [...] }."
            )
    silent = [s for s in question.named if s not in {a.site for a in given}]
    return replace(
        question,
        sites=tuple(a.site for a in kept),
        marks=tuple(a.rows for a in kept),
        terms=kept[0].terms,
        columns=kept[0].columns,
        labels=kept[0].labels,
        outcomes=kept[0].outcomes,
        without=(
            *(f"{a.site}: {a.refused}" for a in given if a.refused),
            *(f"{s}: it did not answer." for s in silent),
        ),
        caveat=next((a.caveat for a in kept if a.caveat), ""),
        notes=(*question.notes, *(n for a in kept for n in a.notes)),
    )


def _check_answer(question: Question, a: Answer) -> None:
    """Refuse an answer of another study, or with numbers that cannot be."""
    if (a.terms, a.columns, a.labels, a.outcomes, a.fingerprint) != (
        question.terms, question.columns, question.labels, question.outcomes, question.fingerprint
    ):  # fmt: skip
        raise SpecError(f"The answer of {a.site!r} has other terms, or is of another plan.")
    sizes = (len(question.terms), len(question.labels), len(question.outcomes),
             len(question.columns))  # fmt: skip
    shapes = shapes_of_answer(question.stage, question.analysis, *sizes)
    check_shapes(a.numbers, shapes, f"The answer of {a.site!r}")
    more = sorted(set(a.numbers) - set(shapes))
    if more:
        raise SpecError(f"The answer of {a.site!r} holds {', '.join(more)}, which was not asked.")
    if any((a.numbers[c] < 0).any() for c in _NOT_BELOW_0 if c in shapes):
        raise SpecError(f"The answer of {a.site!r} holds a number of subjects below 0.")
    if "scores_lowest" in shapes:
        _check_scores(a)


def _check_scores(a: Answer) -> None:
    """Refuse counts of scores that are not those of the same subjects, or that change order."""
    lowest, highest = a.numbers["scores_lowest"], a.numbers["scores_highest"]
    ahead = np.cumsum(lowest, axis=-1) - np.cumsum(highest, axis=-1)
    if (np.abs(ahead[..., -1]) > 0).any() or (ahead < 0).any():
        raise SpecError(f"The answer of {a.site!r} has counts of scores that do not fit.")
