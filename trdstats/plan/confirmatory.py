"""The ``[confirmatory]`` table of a plan: primary and key secondary results, and their rule."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, get_args

import pandas as pd

from trdstats.arguments import checked
from trdstats.errors import PlanError, SpecError, check_choice, unknown_name
from trdstats.estimates import adjust_p_values
from trdstats.kinds import label_of
from trdstats.plan.sections import Section

Rule = Literal["fixed sequence", "holm", "hochberg", "hommel", "bonferroni", "none"]
RULES = get_args(Rule)
_NUMBERS = ("estimate", "conf_low", "conf_high", "p_value")


@checked
@dataclass(frozen=True, slots=True)
class ConfirmatoryResult:
    """One result named before the data were seen.

    Attributes
    ----------
    name : str
        The words of the protocol.
    step : str
        Name of the step whose section holds it.
    where : mapping of str to str, float or bool
        Columns of that section's table of results and the values that single out one row.
    primary : bool
    """

    name: str
    step: str
    where: Mapping[str, str | float | bool]
    primary: bool = False

    def __post_init__(self) -> None:
        if not self.where:
            raise SpecError(
                f"The confirmatory result {self.name!r} does not say which row of the step "
                f"{self.step!r} it is: add keys such as treatment = and day =."
            )
        object.__setattr__(self, "where", MappingProxyType(dict(self.where)))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.name, self.step, dict(self.where), self.primary)

    def misfits(
        self,
        treatments: Sequence[str],
        outcomes: Collection[str],
        reference: str,
        rows: Mapping[str, Collection[object]],
    ) -> Iterator[str]:
        """Yield what cannot be a row of any result: names that study and plan do not have.

        `rows` are what columns of the results of the step will hold, as far as that is known.
        """
        for key in ("treatment", "reference"):
            if key not in self.where:
                continue
            label = label_of(self.where[key])
            if label not in treatments:
                yield f"{self.name!r}: {unknown_name('treatment', label, treatments)}"
            elif key == "treatment" and label == reference:
                yield f"{self.name!r}: {label!r} is the reference itself; name another treatment."
        outcome = self.where.get("outcome")
        if outcome is not None and outcome not in outcomes:
            yield f"{self.name!r}: {unknown_name('definition of this plan', outcome, outcomes)}"
            return
        for key, held in rows.items():
            labels = [str(label_of(value)) for value in held]
            if key in self.where and str(label_of(self.where[key])) not in labels:
                yield (
                    f"{self.name!r}: the step {self.step!r} has no row with {key} = "
                    f"{self.where[key]!r}. It has {', '.join(labels) or 'none'}."
                )

    def find(self, table: pd.DataFrame) -> pd.Series:
        """Return the one row of a table of results.

        Raises
        ------
        PlanError
            When no row or several rows fit, or a column is not there.
        """
        rows = pd.Series(True, index=table.index)
        for column, value in self.where.items():
            if column not in table.columns:
                raise PlanError(
                    f"The confirmatory result {self.name!r} names {column!r}, which is no column "
                    f"of the results of {self.step!r}. Known: {', '.join(table.columns)}."
                )
            rows &= table[column].map(label_of) == label_of(value)
        count = int(rows.sum())
        if count != 1:
            conditions = ", ".join(f"{k} = {v!r}" for k, v in self.where.items())
            raise PlanError(
                f"The confirmatory result {self.name!r} must be one row of the results of "
                f"{self.step!r}; {count} rows have {conditions}."
            )
        return table[rows].iloc[0]


@checked
@dataclass(frozen=True, slots=True)
class Confirmatory:
    """The results a study was planned to show, in their order.

    Attributes
    ----------
    results : tuple of ConfirmatoryResult
        The primary ones first.
    rule : {"fixed sequence", "holm", "hochberg", "hommel", "bonferroni", "none"}
        Guards the family against false claims. In a fixed sequence each result is tested at the
        full level as long as all before it were significant.
    alpha : float
        Two-sided level of the family.
    """

    results: tuple[ConfirmatoryResult, ...]
    rule: Rule = "fixed sequence"
    alpha: float = 0.05

    def __post_init__(self) -> None:
        check_choice("rule", self.rule, RULES)
        if not 0.0 < self.alpha < 1.0:
            raise SpecError(f"alpha must lie between 0 and 1; got {self.alpha!r}.")
        names = [r.name for r in self.results]
        twice = [n for k, n in enumerate(names) if n in names[:k]]
        if twice:
            raise SpecError(f"Two confirmatory results are called {twice[0]!r}.")
        if not any(r.primary for r in self.results):
            raise SpecError("A confirmatory plan names at least one primary result.")
        if self.rule == "none" and len(self.results) > 1:
            raise SpecError(
                f"{len(self.results)} confirmatory results need a rule; choose one of "
                f"{', '.join(r for r in RULES if r != 'none')}."
            )


def judge_confirmatory(
    confirmatory: Confirmatory, tables: Mapping[str, pd.DataFrame]
) -> pd.DataFrame:
    """Return the confirmatory results with p-values adjusted by the rule.

    Parameters
    ----------
    confirmatory : Confirmatory
    tables : mapping of str to DataFrame
        Results of each step by its name.

    Returns
    -------
    pandas.DataFrame
        name, primary, step, estimate, conf_low, conf_high, p_value, sides (1 for a one-sided p,
        of non-inferiority), margin (NaN where there is none), p_adjusted (two-sided: a one-sided p
        is doubled), is_shown (whether p_adjusted is at most alpha), in the order of the plan.

    Raises
    ------
    PlanError
        With every result that is not one row of the results of its step.
    """
    rows, problems = [], []
    for result in confirmatory.results:
        try:
            if result.step not in tables:
                raise PlanError(
                    f"The confirmatory result {result.name!r}: {result.step!r} has no results."
                )
            row = result.find(tables[result.step])
            missing = [c for c in _NUMBERS if c not in row.index]
            if missing:
                raise PlanError(
                    f"The confirmatory result {result.name!r} stands in a table without "
                    f"{', '.join(missing)}: it cannot be tested."
                )
        except PlanError as error:
            problems.append(str(error))
        else:
            numbers = {c: float(row[c]) for c in _NUMBERS}
            if math.isnan(numbers["p_value"]) and not math.isnan(numbers["estimate"]):
                problems.append(
                    f"The confirmatory result {result.name!r} has no p value: a rate or a mean by "
                    'itself is not tested; name a comparison, measure = "difference".'
                )
                continue
            one_sided = "sides" in row.index and row["sides"] == 1
            rows.append(
                {
                    "name": result.name,
                    "primary": result.primary,
                    "step": result.step,
                    **numbers,
                    "sides": 1 if one_sided else 2,
                    "margin": float(row["margin"]) if "margin" in row.index else math.nan,
                }
            )
    if problems:
        raise PlanError("\n".join(problems))
    table = pd.DataFrame(rows)
    # The level of the family is two-sided: one-sided tests have half of it.
    both_sides = table.assign(p_value=(2 * table["p_value"] / table["sides"]).clip(upper=1.0))
    if confirmatory.rule == "none":
        table["p_adjusted"] = both_sides["p_value"]
    else:
        # The family is the one that was planned: what is not estimable counts as not shown.
        planned = both_sides.assign(p_value=both_sides["p_value"].fillna(1.0))
        adjusted = adjust_p_values(planned, method=confirmatory.rule)["p_adjusted"]
        table["p_adjusted"] = adjusted.where(table["p_value"].notna())
    return table.assign(is_shown=table["p_adjusted"] <= confirmatory.alpha)


def judge_sections(confirmatory: Confirmatory, sections: Sequence[Section]) -> pd.DataFrame:
    """Return the confirmatory results of a run; see `judge_confirmatory`."""
    tables = {s.key: s.results for s in sections if s.results is not None}
    return judge_confirmatory(confirmatory, tables)


def confirmatory_stands(confirmatory: Confirmatory | None, sections: Sequence[Section]) -> bool:
    """Whether every confirmatory result was found and could be tested."""
    if confirmatory is None:
        return True
    try:
        judge_sections(confirmatory, sections)
    except PlanError:
        return False
    return True
