"""One comparison under every declared definition and rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, Literal

import numpy as np
import pandas as pd

from trdstats.arguments import Level, check_instance, checked
from trdstats.errors import (
    NotEstimableError,
    SpecError,
    check_choice,
    check_level,
    known_level,
    unknown_name,
)
from trdstats.estimates import estimates_of
from trdstats.multiverse.estimates import (
    ESTIMATORS,
    TITLES,
    WITH_MISSING,
    Estimate,
    Estimator,
    Universe,
)
from trdstats.multiverse.limits import note_limits, warn_of_limits
from trdstats.multiverse.result import CHOICES, Multiverse
from trdstats.outcomes import Definition
from trdstats.outcomes import definitions as published
from trdstats.outcomes.assess import check_arguments
from trdstats.outcomes.switching import SwitchCounts, count_switches, notes_on, switch_days
from trdstats.outcomes.verdicts.missing import MISSING
from trdstats.study import Study
from trdstats.study.windows import WindowsLike
from trdstats.tables import caveat_notes

_DRAWS = 40_000  # relative error of a joint p value: below 1 % in tens of universes


@checked
def multiverse(
    study: Study,
    definitions: Sequence[Definition | str] | Mapping[str, Definition],
    *,
    primary: Definition | str,
    day: float | Sequence[float],
    contrast: tuple[Level, Level] | None = None,
    estimate: Literal["difference", "log odds ratio", "rmst"] | Estimator = "difference",
    missing: str | Sequence[str] = "nonresponse",
    baseline: str | Sequence[str] = "last",
    windows: Mapping[str, WindowsLike] | None = None,
    conf_level: float = 0.95,
    draws: int = _DRAWS,
) -> Multiverse:
    """Run a comparison under every combination of declared definitions and rules.

    Parameters
    ----------
    study : Study
    definitions : sequence of Definition or str, or mapping of str to Definition
        What counts as the outcome: definitions, names in ``trd.definitions``, or definitions by
        a label.
    primary : Definition or str
        The one declared beforehand, or its label. Of days, missing, baseline and windows the
        first is the primary one.
    day : float or sequence of float
        Scheduled day of the rates; horizon of the restricted means.
    contrast : (str, str), optional
        Treatment and the reference it is compared with. Default: the second and the first
        treatment of a study with two.
    estimate : {"difference", "log odds ratio", "rmst"} or callable
        What is compared: rates, or mean days without the outcome. A callable takes a `Universe`
        and returns an `Estimate` with the influence of every subject.
    missing : str or sequence of str
        Handling of missing outcomes, as in `rates`.
    baseline : str or sequence of str
        "last", "first", "mean" or "worst" score at day 0 or before; "given" keeps the baselines
        of the study, as the default "last" does where they were given in a column.
    windows : mapping of str to windows, optional
        Visit windows by label, each in a form that `Study` takes. Default: those of the study.
    conf_level : float
    draws : int
        Draws from the joint distribution of the estimates; the seed is fixed. The error of a joint
        p value is relative to it, however small it is.

    Returns
    -------
    Multiverse

    Raises
    ------
    SpecError, UnknownNameError
        When an argument is not usable, or a definition does not fit the scale.
    NotEstimableError
        When no universe gives an estimate.

    Warns
    -----
    DataWarning
        When fewer than half of those assessed about a day of the rates were assessed in its
        window, or the visits cannot show what a definition asks for: among the notices of the
        result, with the number of universes.

    References
    ----------
    Steegen 2016, doi:10.1177/1745691616658637; Simonsohn 2020, doi:10.1038/s41562-020-0912-z.
    Joint inference: Hothorn, Bretz and Westfall 2008, doi:10.1002/bimj.200810425.

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("trial")
    >>> cutoffs = [trd.Remission(at_most=c) for c in (9, 10, 12)]
    >>> result = trd.multiverse(study, cutoffs, primary=trd.Remission(at_most=10), day=28,
    ...                        contrast=("ECT", "TMS"))
    >>> result.glance()["n"].tolist()
    [3]
    """
    check_level(conf_level)
    if not isinstance(definitions, Sequence | Mapping):
        raise SpecError(f"definitions must be a list of definitions; got {definitions!r}.")
    named = _named(study, definitions)
    first = _primary_label(study, primary, named)
    pair = _contrast(study, contrast)
    estimator, title = _estimator(estimate)
    axes: dict[str, list[Any]] = {
        "definition": [first, *(label for label in named if label != first)],
        "day": _listed(day),
        "missing": _listed(missing),
        "baseline": _listed(baseline),
        "windows": list(windows) if windows else ["of the study"],
    }
    for value in axes["missing"]:
        check_choice("missing", value, MISSING)
    if estimate not in WITH_MISSING and isinstance(estimate, str) and len(axes["missing"]) > 1:
        raise SpecError(
            f"missing has no effect on {estimate!r}, where missing visits end follow-up: give one."
        )
    studies = {
        (b, w): _variant(study, b, None if windows is None else windows[w])
        for b, w in product(axes["baseline"], axes["windows"])
    }
    rows, shown, fits, universes = [], [], [], []
    for label, when, how, base, window in product(*(axes[c] for c in CHOICES)):
        universe = Universe(studies[base, window], named[label], float(when), how, *pair)
        estimate_of, reason = _run(estimator, universe)
        fits.append((estimate_of.value, estimate_of.influence, reason))
        shown.append(estimate_of.columns)
        rows.append((label, float(when), how, base, window))
        universes.append(universe)
    value, influences, notes = zip(*fits, strict=True)
    if np.isnan(value).all():
        raise NotEstimableError(f"No universe gives an estimate: {notes[0]}.")
    switching = _switched(study, pair, float(max(axes["day"])))
    estimates = estimates_of(
        pd.DataFrame(rows, columns=list(CHOICES)), value, influences=np.column_stack(influences),
        subjects=study.subjects["subject"], null=0.0, reasons=notes, title=title,
        notes=(
            *caveat_notes(study.caveat),
            *notes_on(switching),
        ),
    )  # fmt: skip
    # What an estimator of the user does with the day is not known.
    notices = note_limits(universes, at_day=estimate in WITH_MISSING)
    warn_of_limits(notices)
    return Multiverse(
        title, pair, study.caveat, estimates, pd.DataFrame(shown, index=range(len(rows))), draws,
        conf_level, notices, switching,
    )  # fmt: skip


def _switched(study: Study, pair: tuple[str, str], day: float) -> SwitchCounts | None:
    with np.errstate(invalid="ignore"):
        early = switch_days(study) <= day
    counts = count_switches(study, early, strategy=None, when=f"by day {day:g}", of="other")
    return counts and counts.only(pair)


def _named(
    study: Study, definitions: Sequence[Definition | str] | Mapping[str, Definition]
) -> dict[str, Definition]:
    if isinstance(definitions, str | Definition):
        raise SpecError(
            "definitions must be a list of definitions, or a mapping of label to definition."
        )
    if isinstance(definitions, Mapping):
        pairs = list(definitions.items())
    else:
        given = [published[r] if isinstance(r, str) else r for r in definitions]
        pairs = [(d.label(study.scale) if isinstance(d, Definition) else str(d), d) for d in given]
    if not pairs:
        raise SpecError("definitions must hold at least one definition.")
    for _, definition in pairs:
        check_arguments(study, definition)
    labels = [label for label, _ in pairs]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise SpecError(
            f"Two definitions have the label {twice[0]!r}: give each its own label, "
            "definitions={'label': definition}."
        )
    return dict(pairs)


def _primary_label(study: Study, primary: object, named: Mapping[str, Definition]) -> str:
    if isinstance(primary, Definition):
        for label, definition in named.items():
            if definition == primary:
                return label
        raise SpecError(
            f"The primary definition, {primary.label(study.scale)}, is not among definitions."
        )
    check_instance("primary", primary, str)
    if primary in named:
        return str(primary)
    if primary in published:
        return _primary_label(study, published[str(primary)], named)
    raise unknown_name("primary definition", primary, named)


def _contrast(study: Study, contrast: tuple[Level, Level] | None) -> tuple[str, str]:
    if contrast is None:
        if len(study.treatments) != 2:
            raise SpecError(
                f"contrast must name the treatment and its reference, of {len(study.treatments)}: "
                f"contrast=({study.treatments[-1]!r}, {study.treatments[0]!r})."
            )
        return study.treatments[1], study.treatments[0]
    if isinstance(contrast, str) or len(contrast) != 2 or contrast[0] == contrast[1]:
        raise SpecError(f"contrast must name two treatments; got {contrast!r}.")
    arms = study.treatments
    first, second = (arms[known_level("treatment", name, arms)] for name in contrast)
    if first == second:
        raise SpecError(f"contrast must name two treatments; got {contrast!r}.")
    return first, second


def _estimator(estimate: object) -> tuple[Estimator, str]:
    if callable(estimate):
        return estimate, str(getattr(estimate, "__name__", "estimate")).replace("_", " ")
    check_choice("estimate", estimate, list(ESTIMATORS))
    return ESTIMATORS[str(estimate)], TITLES[str(estimate)]


def _listed(value: Any) -> list[Any]:
    listed = [value] if isinstance(value, str | int | float | np.number) else list(value)
    if not listed or len(set(listed)) < len(listed):
        raise SpecError(f"Choices must differ and there must be one at least; got {value!r}.")
    return listed


def _variant(study: Study, baseline: str, windows: Any) -> Study:
    if windows is not None:
        study = study.with_windows(windows)
    if baseline == "given" or (baseline == "last" and study.has_given_baseline):
        return study
    return study.with_baseline(baseline)  # type: ignore[arg-type]


def _run(estimator: Estimator, universe: Universe) -> tuple[Estimate, str]:
    """Return the estimate of a universe, or an empty one and why there is none."""
    n = len(universe.study.subjects)
    try:
        estimate = estimator(universe)
    except NotEstimableError as error:
        return Estimate(np.nan, np.zeros(n)), str(error).rstrip(".")
    if not isinstance(estimate, Estimate) or np.shape(estimate.influence) != (n,):
        raise SpecError(
            "The estimate of a universe must be an Estimate(value, influence) with one influence "
            f"for each of the {n} subjects; got {type(estimate).__name__}."
        )
    if estimate.note or np.any(estimate.influence):
        return estimate, estimate.note
    return estimate, "no subject has an influence on it: no standard error, so no test"
