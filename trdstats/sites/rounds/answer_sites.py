"""A site answers the centre with sums over its subjects."""

from __future__ import annotations

from trdstats.arguments import check_instance, checked
from trdstats.errors import NotEstimableError, PlanError, SpecError
from trdstats.plan.plan import Plan
from trdstats.sites.disclosure import in_words
from trdstats.sites.fingerprint import fingerprint_of
from trdstats.sites.rounds.guard import why_not
from trdstats.sites.rounds.messages import Answer, Question
from trdstats.sites.rounds.rows import SiteRows, rows_of_hazards, rows_of_weights
from trdstats.sites.rounds.shapes import check_shapes, shapes_of_question
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
        Sums do not leave where fewer subjects have a value of a category, a treatment or an
        outcome, or these crossed. Default: that of the plan's ``[sites]``, or 5.
    study : Study, optional
        Default: that of the plan.

    Returns
    -------
    Answer
        Sums over the subjects of the site; why there are none, where they may not leave.

    Raises
    ------
    SpecError
        When the question is of another plan, or holds what cannot be.
    PlanError
        When the plan does not name this site, or not the levels of its categories.
    TrdstatsError
        When the study cannot be read.

    Examples
    --------
    >>> import trdstats as trd
    >>> plan = trd.sample_plan("trial")
    >>> question = trd.ask_sites(plan, "hazards", formula="age + baseline")
    >>> trd.answer_sites(plan, question, "north").terms
    ('age', 'baseline')
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
    check_shapes(
        question.numbers,
        shapes_of_question(question.stage, question.analysis, len(question.terms),
                           len(question.labels), len(question.outcomes)),
        "The question",
    )  # fmt: skip
    data = study_from_mapping(plan.study, plan.folder) if study is None else study
    try:
        rows = _rows(plan, data, question)
        _check_turn(question, site, rows)
        reason = why_not(rows, least)
        numbers = {} if reason else sums_of(rows, question, least)
    except NotEstimableError as error:
        return _answer(question, site, least, refused=str(error))
    if reason:
        return _answer(question, site, least, refused=reason)
    lacking = rows.covariates.n_left_out
    return _answer(
        question, site, least, rows=rows.mark, terms=rows.terms, columns=rows.columns,
        labels=rows.labels, outcomes=rows.outcomes, caveat=str(data.caveat), numbers=numbers,
        notes=(f"{site}: {in_words(lacking, least)} subjects lack a covariate and are left out.",)
        if lacking else (),
    )  # fmt: skip


def _rows(plan: Plan, study: Study, question: Question) -> SiteRows:
    if question.analysis == "hazards":
        return rows_of_hazards(plan, study, question.formula, question.outcome)
    return rows_of_weights(plan, study, question.formula)


def _check_turn(question: Question, site: str, rows: SiteRows) -> None:
    """Refuse to answer a later round with other rows than the first.

    Raises
    ------
    NotEstimableError
        When the site took no part in the first round, or its rows have changed.
    """
    if question.stage == "moments":
        return
    if site not in question.sites:
        raise NotEstimableError("it took no part in the first round.")
    if question.marks[question.sites.index(site)] != rows.mark:
        raise NotEstimableError(
            "its rows are not those of the first round: the difference would tell of the subjects "
            "that changed."
        )


def _answer(question: Question, site: str, minimum: int, **what: object) -> Answer:
    return Answer(
        site, question.fingerprint, question.mark, question.about, question.formula,
        question.stage, minimum, **what,  # type: ignore[arg-type]
    )  # fmt: skip
