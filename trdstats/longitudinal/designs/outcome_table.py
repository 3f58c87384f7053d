"""Long rows of a study with the state of a definition at every scheduled visit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from trdstats.errors import SpecError
from trdstats.frames import to_pandas
from trdstats.kernels.visits.endpoints import NOT_RATED, REASONS
from trdstats.outcomes.assess import check_arguments, judged_visits
from trdstats.outcomes.rules.definition import Definition
from trdstats.outcomes.schedule_fit import warn_of_schedule
from trdstats.study import Study
from trdstats.study.study.rated import long_rows


def outcome_table(
    data: Any, name: str, outcome: Definition | None, days: Sequence[float] | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return long rows with the outcome, and subject and reason of rows where it is undefined."""
    if not isinstance(data, Study):
        if outcome is not None or days is not None:
            what = "outcome" if outcome is not None else "days"
            raise SpecError(
                f"{what}= needs a Study, which knows the scale and the schedule; the data are a "
                f"{type(data).__name__}. Give a column as the outcome, and the rows to analyse."
            )
        return to_pandas(data, what="data"), _none_undefined()
    rows = data.longitudinal(days=days)
    _check_name(rows, name, outcome)
    if outcome is None:
        return rows, _none_undefined()
    check_arguments(data, outcome)
    warn_of_schedule(data, outcome)
    return _with_states(rows, data.gathered(_scheduled_states, outcome, days), name)


def outcome_table_of_part(
    part: Study, name: str, outcome: Definition | None, days: Sequence[float] | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the same of a part of a study; arguments and schedule are judged for the whole."""
    rows = long_rows(part, days)
    _check_name(rows, name, outcome)
    if outcome is None:
        return rows, _none_undefined()
    return _with_states(rows, _scheduled_states(part, outcome, days), name)


def _check_name(rows: pd.DataFrame, name: str, outcome: Definition | None) -> None:
    if outcome is None and name.isidentifier() and name not in rows:
        raise SpecError(
            f"The study has no column {name!r}. If it is the state of a definition, say of "
            f"which: fit(study, outcome=trd.Response()). Columns: {', '.join(rows.columns)}."
        )
    if outcome is not None and name in rows:
        raise SpecError(
            f"The formula's outcome {name!r} is a column of the study, and outcome= says that it "
            f"is a definition. Give the definition another name, such as 'response ~ ...'."
        )


def _with_states(
    rows: pd.DataFrame, states: pd.DataFrame, name: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    reason = states["reason"].to_numpy(dtype=object)
    undefined = states["met"].isna().to_numpy() & (reason != REASONS[NOT_RATED])
    met = states["met"].array
    table = rows.assign(**{name: met})[~undefined]
    table.attrs = dict(rows.attrs)
    left = {"subject": rows["subject"].array[undefined], "reason": reason[undefined]}
    return table, pd.DataFrame(left)


def _scheduled_states(
    part: Study, outcome: Definition, days: Sequence[float] | None
) -> pd.DataFrame:
    """Return the state at every row of `Study.longitudinal`."""
    states, visits = judged_visits(part, outcome), part.visits
    # Both tables hold the visits after day 0 in the order of the study; one all, one scheduled.
    scheduled = visits.loc[visits["day"] > 0, "visit"]
    kept = scheduled.notna()
    if days is not None:
        kept &= scheduled.isin(list(days))
    return states.loc[kept.to_numpy(), ["subject", "met", "reason"]]


def _none_undefined() -> pd.DataFrame:
    return pd.DataFrame({"subject": [], "reason": []}, dtype=object)


def count_undefined(undefined: pd.DataFrame) -> dict[str, int]:
    """Return how many rated rows have an undefined outcome, by reason."""
    counts = undefined["reason"].value_counts(sort=False)
    return dict(named_undefined(str(why), int(n)) for why, n in counts.items())


def named_undefined(why: str, n: int) -> tuple[str, int]:
    """Return a count of rated rows with an undefined outcome, named by its reason."""
    return f"rated, but undefined ({why})", n
