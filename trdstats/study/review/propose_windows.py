"""Visit windows read from the days on which patients came, to be looked at before they are used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trdstats.aliases import FrameLike
from trdstats.arguments import checked
from trdstats.arrays import FloatArray, IntArray
from trdstats.columns import check_columns, check_numbers, numbers
from trdstats.errors import DataError, NotEstimableError
from trdstats.frames import to_pandas
from trdstats.kinds import as_labels
from trdstats.study.review.heaps_of_days import propose
from trdstats.study.study import Study
from trdstats.tables import FrameResult, Summary, Table, each_row, format_count


@checked
def propose_windows(
    visits: Study | FrameLike,
    *,
    subject: str = "subject",
    treatment: str | None = None,
    day: str = "day",
) -> ProposedWindows:
    """Propose visit windows from the days on which subjects were assessed.

    The days of each treatment fall into heaps; a heap is a scheduled visit when at least a tenth
    of those still followed came. Its day is the median, or the full week next to it where as many
    came on that; its window holds all but the outermost hundredth on either side. Nothing is
    applied: look at the table, then pass `windows` on.

    Parameters
    ----------
    visits : Study or DataFrame
        A study with or without windows, which are not looked at; or one row a rating.
    subject, day : str
        Columns of a frame.
    treatment : str, optional
        Column of a frame; without it all subjects share one schedule.

    Returns
    -------
    ProposedWindows

    Raises
    ------
    DataError
        When a column is not there or holds no days.
    NotEstimableError
        When a treatment has no rating after day 0.

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("trial")
    >>> proposed = trd.propose_windows(study)
    >>> list(proposed.windows["TMS"])[:4]
    [3.0, 7.0, 14.0, 21.0]
    >>> study = study.with_windows(proposed.windows)
    """
    if isinstance(visits, Study):
        table, of_arm = visits.visits, visits.subjects["treatment"]
        code = table["subject"].cat.codes.to_numpy().astype(np.intp)
        at = table["day"].to_numpy()
        arm = of_arm.cat.codes.to_numpy()[code]
        arms = list(of_arm.cat.categories)
        rows = table["score"].notna().to_numpy() & (at > 0)
    else:
        code, at, arm, arms = _columns(visits, subject, treatment, day)
        rows = at > 0
    frames = []
    for k, name in enumerate(arms):
        in_arm = rows & (arm == k)
        if not in_arm.any():
            raise NotEstimableError(
                f"{name} has no rating after day 0, so no windows can be read for it. Leave it "
                "out with study.only([...]), or write its windows yourself."
            )
        frames.append(propose(code[in_arm], at[in_arm]).assign(treatment=name))
    frame = pd.concat(frames, ignore_index=True)
    frame = frame[["treatment", *frame.columns.drop("treatment")]]
    return ProposedWindows(frame, isinstance(visits, Study) or treatment is not None)


@dataclass(frozen=True, repr=False)
class ProposedWindows(FrameResult):
    """Visit windows by treatment, as the days suggest them.

    `tidy` has one row a treatment and proposed visit: treatment, day (scheduled), opens, closes
    (first and last day of the window), n_subjects (rated in it), n_within (ratings in it),
    n_outside (ratings outside all windows, at the visit they are closest to), n_surplus (ratings in
    the window beside the one that counts), n_ties (subjects with two ratings equally close to the
    day, of which the later counts).

    Attributes
    ----------
    frame : pandas.DataFrame
        As returned by `tidy`.
    by_treatment : bool
        Whether each treatment has a separate schedule.
    """

    frame: pd.DataFrame
    by_treatment: bool = True

    @property
    def windows(self) -> dict[Any, Any]:
        """Windows to pass on: ``{treatment: {day: half-width or (earlier, later)}}``.

        Where the proposal is one for all, ``{day: half-width or (earlier, later)}``.
        """
        by_treatment: dict[Any, dict[float, float | tuple[float, float]]] = {}
        for r in each_row(self.frame):
            # 28.1 - 28 is not 0.1 in binary; a day has no more than six decimals here.
            early, late = round(r.opens - r.day, 6), round(r.closes - r.day, 6)
            width = late if -early == late else (early, late)
            by_treatment.setdefault(r.treatment, {})[float(r.day)] = width
        return by_treatment if self.by_treatment else next(iter(by_treatment.values()))

    def glance(self) -> pd.DataFrame:
        """Return one row: treatments, visits, ratings within and outside the windows."""
        f = self.frame
        return pd.DataFrame(
            {
                "n_treatments": [f["treatment"].nunique()],
                "n_visits": [len(f)],
                "n_within": [int(f["n_within"].sum())],
                "n_outside": [int(f["n_outside"].sum())],
            }
        )

    def summary(self) -> Summary:
        """Return the proposal as a table."""
        within, outside = int(self.frame["n_within"].sum()), int(self.frame["n_outside"].sum())
        rows = tuple(
            (
                str(r.treatment),
                f"{r.day:g}",
                f"{r.opens:g} to {r.closes:g}",
                *(
                    format_count(n)
                    for n in (r.n_subjects, r.n_within, r.n_outside, r.n_surplus, r.n_ties)
                ),
            )
            for r in each_row(self.frame)
        )
        header = (
            "Treatment", "Day", "Window", "Subjects", "Within", "Outside", "Surplus", "Ties",
        )  # fmt: skip
        proportion = 100 * outside / max(within + outside, 1)
        return Summary(
            "Proposed visit windows",
            (
                ("Ratings after day 0", f"{within + outside:,}"),
                ("Outside every window", f"{outside:,} ({proportion:.0f} %)"),
            ),
            (Table(header, rows, 3),),
            (
                "Read from the days alone: compare with the protocol. Nothing was applied; pass "
                ".windows on to Study(windows=...) or study.with_windows(...).",
            ),
        )


def _columns(
    visits: Any, subject: str, treatment: str | None, day: str
) -> tuple[IntArray, FloatArray, IntArray, list[str]]:
    """Return subject, day and treatment of each row of a frame, sorted by subject and day."""
    frame = to_pandas(visits, what="visits")
    wanted = [("subject", subject), ("day", day)]
    wanted += [("treatment", treatment)] if treatment is not None else []
    problems = check_columns(frame, wanted, "visits")
    if problems:
        raise DataError(problems)
    at, wrong = numbers(frame[day])
    problem = check_numbers(
        frame[day], wrong, f"`visits` column {day!r}", "Days are numbers counted from day 0."
    )
    if problem is not None:
        raise DataError([problem])
    code, _ = pd.factorize(frame[subject], use_na_sentinel=False)
    if treatment is None:
        arm, arms = np.zeros(len(frame), dtype=np.intp), ["all"]
    else:
        labels = as_labels(frame[treatment])
        arm, arms = labels.cat.codes.to_numpy().astype(np.intp), list(labels.cat.categories)
    order = np.lexsort((at, code))
    return code[order], at[order], arm[order], arms
