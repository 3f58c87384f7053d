"""Total scores from the forms of a scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd

from trdstats.aliases import FrameLike
from trdstats.arguments import checked
from trdstats.columns import check_columns
from trdstats.errors import (
    DataError,
    DataWarning,
    SpecError,
    check_choice,
    describe_problems,
    warn,
)
from trdstats.items.counts import FormCounts
from trdstats.items.findings import (
    answers_without_lowest,
    find_problems,
    flag_forms,
    note_counted_from_one,
    tabulate,
)
from trdstats.items.forms import Forms, read_forms
from trdstats.items.partitions import score_partitions
from trdstats.kernels.visits.answers import as_floats, unanswered
from trdstats.kernels.visits.item_scores import (
    COMPLETE,
    EMPTY,
    TOO_FEW,
    FormTotals,
    total_forms,
)
from trdstats.partitions import is_divided
from trdstats.scales import Prorate, Scale, get_scale
from trdstats.tables import Summary, SummaryMixin, Table, each_row, format_count

REASONS = ("complete", "filled in", "too many items missing", "not answered", "work not applicable")
WORK = 4


@dataclass(frozen=True, repr=False)
class ScoredItems(SummaryMixin):
    """Totals of forms, and data-quality findings on the forms.

    Attributes
    ----------
    scale : Scale
        The instrument.
    rule : Prorate or None
        Rule for missing items; None when no item may be filled in.
    frame : pandas.DataFrame
        As returned by `tidy`.
    findings : pandas.DataFrame
        As returned by `quality`.
    counts : FormCounts
        How many forms were scored, and how.
    """

    scale: Scale
    rule: Prorate | None
    frame: pd.DataFrame
    findings: pd.DataFrame
    counts: FormCounts

    def tidy(self) -> pd.DataFrame:
        """Return one row a form, ready for `Study`.

        Returns
        -------
        pandas.DataFrame
            The other columns of the table, then score (missing where there is no total; a
            fraction where items were filled in), items_missing (unanswered items the form asks
            for), items_imputed, reason ("complete", "filled in", "too many items missing", "not
            answered", "work not applicable"), suicide_item (its score, on scales that have one)
            and flags (kinds of findings, joined by "; "). A column of the table with one of these
            names is renamed: ``_given`` is appended. Of forms in a dask DataFrame another one.
        """
        frame: Any = self.frame
        return frame if is_divided(frame) else frame.copy(deep=False)  # type: ignore[no-any-return]

    def glance(self) -> pd.DataFrame:
        """Return one row: forms, scored, filled in, without a total, with findings."""
        counts = self.counts
        return pd.DataFrame(
            {
                "scale": [self.scale.label],
                "n": [counts.n],
                "n_scored": [counts.scored],
                "n_filled_in": [counts.by_reason[REASONS[1]]],
                "n_missing": [counts.n - counts.scored],
                "n_flagged": [counts.flagged],
            }
        )

    def quality(self) -> pd.DataFrame:
        """Return the data-quality report, one row a form and kind of finding.

        Returns
        -------
        pandas.DataFrame
            kind, subject, day, row (of the user's table, from 0), detail. Of forms in a dask
            DataFrame rows count within their partition, which is one more column.
        """
        return self.findings.copy()

    def summary(self) -> Summary:
        """Return how many forms were scored, and the findings by kind."""
        counts = self.counts.by_reason
        rule = "no item" if self.rule is None else self.rule.describe()
        header = [("Forms", f"{self.counts.n:,}"), ("Missing items", rule)]
        turned = self.scale.scoring.reversed
        if turned:
            items = ", ".join(map(str, turned))
            header.append(("Turned round", f"items {items}, read as they were answered"))
        if self.rule is not None:
            header.append(("Source", self.rule.source.cite()))
        reasons = tuple((str(k), format_count(n)) for k, n in counts.items() if n)
        tables = [Table(("Result", "Forms"), reasons)]
        if len(self.findings):
            by_kind = self.findings.groupby("kind", sort=False).agg(
                n=("row", "size"), subject=("subject", "first"), day=("day", "first")
            )
            rows = tuple(
                (r.kind, f"{r.subject} at day {r.day}", format_count(r.n))
                for r in each_row(by_kind.reset_index())
            )
            tables.append(Table(("Finding", "First occurrence", "Forms"), rows, 2))
        return Summary(f"{self.scale.label} scored from items", tuple(header), tuple(tables))


@checked
def score_items(
    frame: FrameLike,
    scale: str | Scale,
    *,
    missing: Literal["published", "complete"] | Prorate = "published",
    items: Sequence[str] | Mapping[int, str] | None = None,
    item: str | None = None,
    value: str | None = None,
    subject: str = "subject",
    day: str = "day",
    version: str | None = None,
    total: str | None = None,
    invalid: Literal["error", "missing"] = "error",
) -> ScoredItems:
    """Score the items of a scale: domain maxima, alternatives, codes, unanswered items.

    Parameters
    ----------
    frame : DataFrame (pandas, polars, pyarrow or dask)
        One row a form with a column an item, or, with `item` and `value`, one row an item.
    scale : str or Scale
        The instrument.
    missing : {"published", "complete"} or Prorate
        How unanswered items are handled. "published": the rule in use for the scale, printed
        with its source (none for most: such a total is missing). "complete": no item is filled
        in. Or another rule, e.g. ``Prorate(at_most=3, weights="range")``.
    items : sequence of str or mapping of int to str, optional
        Columns in the order of the form, or by item number. Default: recognised by their numbers
        (``phq9_1`` or ``Q1`` or ``item 1``, to the last item).
    item, value : str, optional
        Columns with the item and its score, for one row an item.
    subject, day : str
        Columns with the subject and the visit (a number, a date or a text that sorts).
    version : str, optional
        Column that names the version of the form: subjects with several are refused.
    total : str, optional
        Column with totals that were typed in: compared with the items, never used.
    invalid : {"error", "missing"}
        Entries that are not a score of their item stop the scoring, all named at once; or they
        count as missing and are flagged.

    Returns
    -------
    ScoredItems

    Raises
    ------
    SpecError, UnknownNameError
        When an argument is not usable.
    DataError
        With every problem of the table: columns, items, entries, by subject, visit and item.

    Warns
    -----
    DataWarning
        When no answer at all is the lowest of its item: forms coded from 1 in the place of 0.

    Examples
    --------
    Sleep counts once, by its worst item; of two items on appetite one is empty by design.

    >>> import pandas as pd
    >>> answers = [2, 3, 0, 1, 2, None, 1, 0, None, 1, 2, 0, 2, 1, 0, 1]
    >>> form = pd.DataFrame([answers], columns=[f"qids_{i}" for i in range(1, 17)])
    >>> scored = score_items(form.assign(subject="A", day=0), "QIDS-SR16")
    >>> float(scored.tidy()["score"].iloc[0])  # 3 + 2 + 1 + 1 + 2 + 0 + 2 + 1 + 1
    13.0
    """
    scale = get_scale(scale)
    check_choice("invalid", invalid, ("error", "missing"))
    rule = _choose_rule(missing, scale)
    score = partial(
        _score, scale=scale, rule=rule, items=items, item=item, value=value, subject=subject,
        day=day, version=version, total=total, keep_invalid=invalid == "missing",
    )  # fmt: skip
    if is_divided(frame):
        parts = score_partitions(frame, score, subject, item)
        scored = ScoredItems(scale, rule, parts.frame, parts.findings, parts.counts)
    else:
        scored = score(frame)
    doubt = note_counted_from_one(scored.counts.from_one, scale)
    if doubt is not None:
        warn(describe_problems([doubt]), DataWarning)
    return scored


def _score(
    frame: object,
    scale: Scale,
    rule: Prorate | None,
    total: str | None,
    **how: Any,
) -> ScoredItems:
    """Score the forms of a table in memory; `how` is what `read_forms` takes."""
    forms = read_forms(frame, scale, **how)
    if total is not None:
        _check_total(forms, total)
    values = forms.answers
    totals = total_forms(
        values.scores,
        scale.layout,
        at_most=rule.at_most if rule else 0,
        by_range=rule is not None and rule.weights == "range",
    )
    findings = [f for f in find_problems(forms, scale, totals.total, total) if f.marked.any()]
    scored = _tidy(forms, scale, totals, findings)
    counts = FormCounts.of(scored, answers_without_lowest(values.scores, scale))
    return ScoredItems(scale, rule, scored, tabulate(findings, forms), counts)


def _choose_rule(missing: object, scale: Scale) -> Prorate | None:
    if isinstance(missing, Prorate):
        return missing if missing.at_most else None
    if not isinstance(missing, str):
        raise SpecError(
            f"missing must be 'published', 'complete' or a rule such as Prorate(at_most=1); "
            f"got {missing!r}."
        )
    check_choice("missing", missing, ("published", "complete"))
    return scale.scoring.missing if missing == "published" else None


def _check_total(forms: Forms, total: str) -> None:
    problems = check_columns(forms.frame, [("total", total)], "forms")
    if problems:
        raise DataError(problems)


def _tidy(forms: Forms, scale: Scale, totals: FormTotals, findings: list[Any]) -> pd.DataFrame:
    values = forms.answers
    state = totals.state.copy()
    work = scale.scoring.work_item
    if work is not None:
        only_work_missing = unanswered(values.scores[work - 1]) & (totals.n_missing == 1)
        state[only_work_missing & (state == TOO_FEW)] = WORK
    incomplete = np.flatnonzero(state != COMPLETE)
    state[incomplete[unanswered(values.scores[:, incomplete]).all(axis=0)]] = EMPTY
    n_missing = totals.n_missing
    if scale.scoring.codes:
        n_missing = n_missing + values.n_coded
    columns: dict[str, Any] = {str(name): column for name, column in forms.frame.items()}
    columns |= {
        "score": totals.total,
        "items_missing": n_missing,
        "items_imputed": totals.n_imputed,
        "reason": pd.Categorical.from_codes(state, categories=pd.Index(REASONS)),
    }
    suicide = scale.scoring.suicide_item
    if suicide is not None:
        columns["suicide_item"] = as_floats(values.scores[suicide - 1])
    columns["flags"] = flag_forms(findings, len(state))
    result = pd.DataFrame(columns, copy=False)
    result.attrs = dict(forms.frame.attrs)
    return result
