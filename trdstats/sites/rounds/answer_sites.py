"""A site answers the centre with sums over its subjects."""

from __future__ import annotations

import numpy as np

from trdstats.arguments import check_instance, checked
from trdstats.errors import NotEstimableError, PlanError, SpecError
from trdstats.plan.plan import Plan
from trdstats.sites.fingerprint import fingerprint_of
from trdstats.sites.rounds.messages import Answer, Question
from trdstats.sites.rounds.rows import SiteRows, rows_of_hazards, rows_of_weights, why_not
from trdstats.sites.rounds.sums import sums_of
from trdstats.study import Study
from trdstats.study.load import study_from_mapping


@checked
def answer_sites(
    plan: Plan,
    question: Question,
    site: str,
    *,
    minimum: int | None = None,
    study: Study | None = None,
) -> Answer:
    """Answer a question of the centre for one site.

    Parameters
    ----------
    plan : Plan
        The same at every site but for the files of ``[study]``.
    question : Question
        From `ask_sites` or `next_round`.
    site : str
        Name of the site.
    minimum : int, optional
        Sums do not leave where fewer subjects have one of a few values of a covariate, a treatment
        or an outcome. Default: that of the plan's ``[sites]``, or 5.
    study : Study, optional
        Default: that of the plan.

    Returns
    -------
    Answer
        Sums over the subjects of the site; why there are none, where they may not leave.

    Raises
    ------
    SpecError
        When the question is of another plan.
    PlanError
        When the plan does not name this site, or not the levels of its categories.
    TrdstatsError
        When the study cannot be read.

    Examples
    --------
    >>> import trdstats as trd
    >>> plan = trd.sample_plan("modalities")
    >>> question = trd.ask_sites(plan, "hazards", formula="treatment + age")
    >>> trd.answer_sites(plan, question, "north", minimum=1).terms[-1]
    'age'
    """
    check_instance("plan", plan, Plan)
    check_instance("question", question, Question)
    if fingerprint_of(plan) != question.fingerprint:
        raise SpecError(
            f"The question is of another plan ({question.plan}, {question.fingerprint[:12]}): use "
            "the plan of the centre; only the files and columns of [study] may differ."
        )
    if plan.sites.names and site not in plan.sites.names:
        raise PlanError(
            f"The plan does not name the site {site!r}; its [sites] names "
            f"{', '.join(map(repr, plan.sites.names))}."
        )
    least = plan.sites.minimum if minimum is None else minimum
    if least < 1:
        raise SpecError(f"minimum is a number of subjects of 1 or more; got {least}.")
    if question.sites and site not in question.sites:
        return _refused(question, site, "it took no part in the round before.")
    data = study_from_mapping(plan.study, plan.folder) if study is None else study
    try:
        rows = _rows(plan, data, question, least)
    except NotEstimableError as error:
        return _refused(question, site, str(error))
    reason = why_not(rows, least, question.numbers.get("at", np.empty(0)))
    if reason:
        return _refused(question, site, reason)
    kinds = (rows.terms, rows.labels, rows.outcomes)
    if question.terms and kinds != (question.terms, question.labels, question.outcomes):
        raise SpecError(
            f"The question has the terms {', '.join((*question.terms, *question.labels))}, this "
            f"site {', '.join((*rows.terms, *rows.labels))}: answer all rounds with the same study."
        )
    return Answer(
        site, question.fingerprint, question.mark, *kinds, str(data.caveat),
        numbers=sums_of(rows, question),
    )  # fmt: skip


def _rows(plan: Plan, study: Study, question: Question, least: int) -> SiteRows:
    if question.analysis == "hazards":
        return rows_of_hazards(plan, study, question.formula, question.outcome, least)
    return rows_of_weights(plan, study, question.formula, least)


def _refused(question: Question, site: str, reason: str) -> Answer:
    return Answer(site, question.fingerprint, question.mark, refused=reason)
