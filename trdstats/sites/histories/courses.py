"""How many had which course: the day of response, the day on which the course ends, and how.

State probabilities need no more than the numbers at risk and of those who change their state. Their
standard errors sum squares over subjects, in which the day of response and the day of its end stand
together: hence both days are counted together, and all estimates are those of the rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray, IntArray
from trdstats.outcomes import ResponseHistory
from trdstats.outcomes.check_history import CENSORED, STATES


@dataclass(frozen=True, slots=True)
class CourseCounts:
    """How many subjects of a treatment had which course up to the horizon.

    Attributes
    ----------
    response, relapse : str
        The rules in words.
    horizon : float
        Day up to which courses are counted; those followed longer end there.
    treatment : str
    responded : tuple of float
        Day of the first response; 0 where there was none.
    ended : tuple of float
        Day of relapse, or of the last assessment; 0 for those never assessed after day 0.
    relapsed : tuple of int
        1 for relapse.
    n : tuple of int
        Subjects of each course.
    is_assessed : bool
        Whether a subject was assessed by the horizon.
    furthest : float
        Days by which a subject may stand on another day than that of its visit.
    change : float
        By how much that changes the mean days in response of these subjects, in days; 0 where few
        subjects stand on another day.
    uncertain : float
        Days by which `change` may be wrong.
    error : float
        Relative change of their standard error.
    """

    response: str
    relapse: str
    horizon: float
    treatment: str
    responded: tuple[float, ...]
    ended: tuple[float, ...]
    relapsed: tuple[int, ...]
    n: tuple[int, ...]
    is_assessed: bool
    furthest: float = 0.0
    change: float = 0.0
    uncertain: float = 0.0
    error: float = 0.0

    @property
    def arrays(self) -> tuple[FloatArray, FloatArray, IntArray, IntArray]:
        """Return responded, ended, relapsed and n as arrays."""
        responded, ended = (np.array(v, dtype=float) for v in (self.responded, self.ended))
        relapsed, n = (np.array(v, dtype=np.intp) for v in (self.relapsed, self.n))
        return responded, ended, relapsed, n

    @property
    def total(self) -> int:
        """Subjects of the treatment."""
        return int(sum(self.n))

    def on_days(self, responded: FloatArray, ended: FloatArray) -> CourseCounts:
        """Return the same subjects on other days, equal courses added."""
        cells = np.column_stack([responded, ended, np.array(self.relapsed, dtype=float)])
        distinct, place = np.unique(cells, axis=0, return_inverse=True)
        n = np.bincount(place.reshape(-1), weights=self.n, minlength=len(distinct))
        return replace(
            self,
            responded=tuple(distinct[:, 0].tolist()),
            ended=tuple(distinct[:, 1].tolist()),
            relapsed=tuple(int(v) for v in distinct[:, 2]),
            n=tuple(int(v) for v in n),
        )


def courses_of(history: ResponseHistory, horizon: float) -> Iterator[CourseCounts]:
    """Yield the counts of every treatment; what happens after the horizon is left out."""
    frame = history.frame
    first = frame[frame["state"] == STATES[0]].set_index("subject")
    second = frame[frame["state"] == STATES[1]].set_index("subject")
    responds = (first["to"] == STATES[1]).to_numpy()
    responded = np.where(responds, first["stop"], 0.0)
    in_turn = second.reindex(first.index)
    lasts = in_turn["stop"].notna().to_numpy()
    ended = np.where(lasts, in_turn["stop"], first["stop"])
    relapsed = lasts & (in_turn["to"] == STATES[2]).to_numpy()
    # Past the horizon all that is known is who was still followed, and in which state.
    late = responded > horizon
    responded, relapsed = np.where(late, 0.0, responded), relapsed & (ended <= horizon)
    ended = np.minimum(ended, horizon)
    arm = first["treatment"].astype(str).to_numpy()
    never = history.unseen["treatment"].astype(str).to_numpy()
    for name in history.treatments:
        rows, n_never = arm == name, int((never == name).sum())
        none = np.zeros(n_never)
        one = CourseCounts(
            history.response, history.relapse, horizon, name, (), (),
            (*relapsed[rows].astype(int).tolist(), *[0] * n_never), (1,) * (rows.sum() + n_never),
            history.first_look.get(name, np.inf) <= horizon,
        )  # fmt: skip
        yield one.on_days(
            np.concatenate([responded[rows], none]), np.concatenate([ended[rows], none])
        )


def added_courses(parts: Sequence[CourseCounts]) -> CourseCounts:
    """Return the sum of the counts of one treatment, of which nothing was withheld."""
    whole = replace(
        parts[0],
        relapsed=tuple(v for p in parts for v in p.relapsed),
        n=tuple(v for p in parts for v in p.n),
        is_assessed=any(p.is_assessed for p in parts),
    )
    responded, ended = (np.concatenate([p.arrays[k] for p in parts]) for k in range(2))
    return whole.on_days(responded, ended)


def history_of(parts: Sequence[CourseCounts], order: Sequence[str], caveat: str) -> ResponseHistory:
    """Return the histories that counts of several sites stand for.

    Parameters
    ----------
    parts : sequence of CourseCounts
    order : sequence of str
        Treatments.
    caveat : str
    """
    arrays = [p.arrays for p in parts]
    n = np.concatenate([a[3] for a in arrays])
    responded, ended, relapsed = (
        np.repeat(np.concatenate([a[k] for a in arrays]), n) for k in range(3)
    )
    places = [order.index(p.treatment) for p in parts]
    arms = np.repeat(places, [p.total for p in parts])
    table = pd.DataFrame(
        {
            "subject": np.arange(len(arms)),
            "treatment": pd.Categorical.from_codes(arms, pd.Index(list(order), dtype=object)),
        }
    )
    came = responded > 0
    first = table.assign(
        start=0.0, stop=np.where(came, responded, ended), state=STATES[0],
        to=np.where(came, STATES[1], CENSORED),
    )  # fmt: skip
    # Who responded at the last assessment was not followed in response.
    lasts = came & ((ended > responded) | (relapsed == 1))
    second = table.assign(
        start=responded, stop=ended, state=STATES[1],
        to=np.where(relapsed == 1, STATES[2], CENSORED),
    )  # fmt: skip
    seen = ended > 0
    return ResponseHistory(
        pd.concat([first[seen], second[lasts]], ignore_index=True),
        response=parts[0].response,
        relapse=parts[0].relapse,
        unseen=table[~seen].reset_index(drop=True),
        caveat=caveat,
    )
