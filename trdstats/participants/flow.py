"""Participant flow: how many were assigned, treated, assessed and analysed, and why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from trdstats.aliases import Axes
from trdstats.arguments import Level, checked
from trdstats.arrays import FloatArray, ObjectArray
from trdstats.errors import SpecError, pick_level, unknown_name
from trdstats.outcomes import day_by_treatment
from trdstats.outcomes.free_of_event import window_of
from trdstats.outcomes.scores import check_scheduled
from trdstats.plots import flow_height, plot_flow
from trdstats.study import Study
from trdstats.tables import FrameResult, Summary, Table, each_row, format_count

ENROLLED, ASSIGNED, TREATED = "enrolled", "assigned", "treated"
FOLLOWED, ASSESSED = "assessed after baseline", "assessed at the day"
_NOT_TREATED, _NO_BASELINE, _NEVER = "treatment not begun", "no baseline", "never assessed"
_NOT = "– "  # before the reasons of those who did not reach a stage
_ENDS = ("withdrawal", "death")
_NOT_KNOWN = "not known whether treatment was begun"
_RETURNED, _LEFT = "visit missed, assessed later", "left follow-up, reason not recorded"


@checked
def participant_flow(
    study: Study,
    *,
    day: float | Mapping[str, float],
    enrolled: int | None = None,
    excluded: Mapping[str, int] | None = None,
) -> ParticipantFlow:
    """Count who was enrolled, assigned, treated and assessed, with the reasons of the others.

    Parameters
    ----------
    study : Study
    day : float or dict of str to float
        Scheduled day of the last visit that counts, one or one a treatment.
    enrolled : int, optional
        Subjects assessed for eligibility, which no table of visits holds.
    excluded : mapping of str to int, optional
        Why subjects were not assigned, and how many. Needs `enrolled`.

    Returns
    -------
    ParticipantFlow
        A subject not assessed at the day has the reason "visit missed, assessed later"; else a
        withdrawal or death, whenever it was recorded; else "left follow-up" after the last other
        event by the end of the window; else without a recorded reason.

    Raises
    ------
    SpecError
        When `enrolled` less those excluded is not the number of subjects of the study.
    UnknownNameError
        When a day is not scheduled, or a treatment is not known.

    References
    ----------
    Hopewell et al. 2025, CONSORT 2025 statement, items 22a to 22c.

    Examples
    --------
    >>> import trdstats as trd
    >>> flow = trd.participant_flow(trd.load_sample("trial"), day=28)
    >>> flow.count("assigned", "ECT"), flow.count("assessed at the day", "ECT")
    (90, 75)
    """
    n = len(study.subjects)
    given = dict(excluded or {})
    if any(count < 0 for count in given.values()):
        raise SpecError(f"excluded counts subjects, 0 or more for each reason; got {given!r}.")
    if given and enrolled is None:
        raise SpecError("excluded needs enrolled: how many subjects were assessed for eligibility.")
    if enrolled is not None and enrolled - sum(given.values()) != n:
        raise SpecError(
            f"{enrolled} subjects enrolled less {sum(given.values())} excluded make "
            f"{enrolled - sum(given.values())}, but the study has {n} subjects: name the reasons "
            "of all others in excluded."
        )
    days = day_by_treatment(study, day)
    check_scheduled(study, days)
    members = _members(study, days)
    before = [("", ENROLLED, "", enrolled)] if enrolled is not None else []
    before += [("", ENROLLED, why, count) for why, count in given.items()]
    rows = [*before, *_counts(study, members)]
    return ParticipantFlow(
        frame=pd.DataFrame(rows, columns=["treatment", "stage", "reason", "n"]),
        members=members,
        days=days,
        randomised=study.randomised,
    )


def _members(study: Study, days: Mapping[str, float]) -> pd.DataFrame:
    """Return the last stage of each subject and the reason why it is not the last of all."""
    subjects = study.subjects
    ids = subjects["subject"].astype(object)
    rated = study.visits[study.visits["score"].notna()]
    last = rated.groupby(rated["subject"].astype(object))["day"].max()
    last_day = ids.map(last).fillna(-np.inf).to_numpy(dtype=float)
    day: FloatArray = np.array([days[str(t)] for t in subjects["treatment"]], dtype=np.float64)
    at_day = rated.loc[rated["visit"].notna(), ["subject", "visit"]]
    wanted = pd.DataFrame({"subject": ids, "visit": day})
    seen = wanted.merge(
        at_day.assign(subject=at_day["subject"].astype(object), seen=True).drop_duplicates(),
        on=["subject", "visit"], how="left",
    )["seen"].notna().to_numpy()  # fmt: skip
    baseline = subjects["baseline"].notna().to_numpy()
    stated = "treated" in subjects
    began = subjects["treated"] if stated else pd.Series(1, index=subjects.index)
    treated = began.isin([1]).to_numpy()
    why_untreated = np.where(began.isna().to_numpy(), _NOT_KNOWN, _NOT_TREATED)
    followed = last_day > 0
    event = _last_events(study, ids, window_of(study, days)[1])
    why_absent = np.where(last_day > day, _RETURNED, _why_left(event, _LEFT))
    why_never = _why_left(event, _NEVER)
    return pd.DataFrame(
        {
            "subject": subjects["subject"],
            "treatment": subjects["treatment"],
            "stage": np.select(
                [~treated, ~(followed & baseline), ~seen],
                [ASSIGNED, TREATED if stated else ASSIGNED, FOLLOWED],
                ASSESSED,
            ),
            "reason": np.select(
                [~treated, ~baseline, ~followed, ~seen],
                [why_untreated, _NO_BASELINE, why_never, why_absent],
                "",
            ),
        }
    )


def _last_events(study: Study, ids: pd.Series, until: FloatArray) -> ObjectArray:
    """Return why each subject may have left: an end of the study, else the last event by a day."""
    events = study.events.assign(
        subject=study.events["subject"].astype(object), event=study.events["event"].astype(str)
    )
    ends = events[events["event"].isin(_ENDS)].sort_values("day", kind="stable")
    by_then = events["day"] <= events["subject"].map(dict(zip(ids, until, strict=True)))
    other = events[by_then & (events["day"] > 0)].sort_values("day", kind="stable")
    ended = ids.map(ends.groupby("subject")["event"].first()).astype(object)
    last = ids.map(other.groupby("subject")["event"].last()).astype(object)
    return ended.where(ended.notna(), last).fillna("").to_numpy(dtype=object)


def _why_left(event: ObjectArray, unknown: str) -> ObjectArray:
    """Return why subjects left: an end of the study by its name, other events as what came last."""
    sentences = np.array(
        [e if e in _ENDS else f"left follow-up after {e}" for e in event], dtype=object
    )
    return np.where(event == "", unknown, sentences)


def _counts(study: Study, members: pd.DataFrame) -> list[tuple[str, str, str, int]]:
    """Return how many of each treatment reached each stage, then the reasons of the others."""
    stages = [ASSIGNED, *([TREATED] if "treated" in study.subjects else []), FOLLOWED, ASSESSED]
    place = {ASSIGNED: 0, TREATED: 1, FOLLOWED: 2, ASSESSED: 3}
    rank = members["stage"].map(place)
    rows: list[tuple[str, str, str, int]] = []
    for name in study.treatments:
        of_arm = members["treatment"] == name
        previous = -1
        for stage in stages:
            lost = members[of_arm & (rank < place[stage]) & (rank >= previous)]
            rows.append((name, stage, "", int((of_arm & (rank >= place[stage])).sum())))
            counted = lost["reason"].value_counts().sort_index().sort_values(
                ascending=False, kind="stable"
            )  # fmt: skip
            rows += [(name, stage, str(why), int(count)) for why, count in counted.items()]
            previous = place[stage]
    return rows


@dataclass(frozen=True, repr=False, eq=False)
class ParticipantFlow(FrameResult):
    """How many reached each stage of a study, by treatment.

    Attributes
    ----------
    frame : pandas.DataFrame
        treatment (empty before assignment), stage, reason, n: without a reason, those who reached
        the stage; with one, those of the stage before who did not.
    members : pandas.DataFrame
        subject, treatment, stage (the last one reached), reason.
    days : dict of str to float
        Day of the last stage, of each treatment.
    randomised : bool
    """

    frame: pd.DataFrame
    members: pd.DataFrame
    days: dict[str, float]
    randomised: bool

    def count(self, stage: str, treatment: Level) -> int:
        """Return how many of a treatment reached a stage.

        Raises
        ------
        UnknownNameError
            When there is no such stage or treatment.
        """
        f = self.frame
        stages = f.loc[f["treatment"] != "", "stage"].unique().tolist()
        if stage not in stages:
            raise unknown_name("stage", stage, stages)
        arm = pick_level("treatment", treatment, list(self.days))
        rows = f[(f["stage"] == stage) & (f["treatment"] == arm) & (f["reason"] == "")]
        return int(rows["n"].iloc[0])

    def words(self, stage: str) -> str:
        """Return a stage as it is called in this study."""
        if stage == ASSIGNED and self.randomised:
            return "randomised"
        if stage == ASSESSED:
            days = sorted(set(self.days.values()))
            return f"assessed at day {days[0]:g}" if len(days) == 1 else "assessed at the last day"
        return stage

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the flow, one column a treatment.

        Parameters
        ----------
        ax : Axes, optional
            Default: a new one.
        """
        return plot_flow(self._drawn(), ax=ax)

    @property
    def height(self) -> float:
        """Height in inches that the figure needs."""
        return flow_height(self._drawn())

    def _drawn(self) -> pd.DataFrame:
        return self.frame.assign(words=[self.words(s) for s in self.frame["stage"]])

    def summary(self) -> Summary:
        """Return one row a stage and reason, one column a treatment."""
        f = self.frame
        arms = list(self.days)
        before = f[f["treatment"] == ""]
        rows = [
            (r.stage if not r.reason else f"{_NOT}excluded: {r.reason}", *[""] * len(arms),
             format_count(r.n))
            for r in each_row(before)
        ]  # fmt: skip
        subset = f[f["treatment"] != ""]
        for stage in dict.fromkeys(subset["stage"]):
            part = subset[subset["stage"] == stage]
            for why in dict.fromkeys(part["reason"]):
                n = part[part["reason"] == why].set_index("treatment")["n"]
                cells = [int(n.get(a, 0)) for a in arms]
                label = f"{_NOT}{why}" if why else self.words(stage)
                rows.append((label, *map(format_count, [*cells, sum(cells)])))
        header = ("", *arms, "All")
        note = f"Lines that begin with {_NOT.strip()} count who did not reach the stage above them."
        return Summary("Participant flow", (), (Table(header, tuple(rows)),), (note,))
