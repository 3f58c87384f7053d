"""Who began the treatment is a truth value; what is not known of it is said."""

from __future__ import annotations

import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import DataError


def study(treated: list[object]) -> trd.Study:
    visits = pd.DataFrame(
        [(s, d, 30 - d // 2) for s in "abcd" for d in (0, 7)], columns=["subject", "day", "score"]
    )
    subjects = pd.DataFrame(
        {"subject": list("abcd"), "treatment": ["ECT", "TMS"] * 2, "treated": treated}
    )
    return trd.Study(visits, subjects, scale="MADRS", windows={7: 2}, randomised=True)


@pytest.mark.parametrize("treated", [["0", "1", "0", "1"], ["yes", "no"] * 2, [2, 0, 1, 1]])
def test_anything_else_is_refused(treated: list[object]) -> None:
    with pytest.raises(DataError, match="'treated' says who began the treatment and holds"):
        study(treated)


def test_what_is_not_known_has_a_reason() -> None:
    made = study([True, False, None, True])
    reasons = trd.participant_flow(made, day=7).members.set_index("subject")["reason"].to_dict()
    assert reasons == {"a": "", "b": "treatment not begun",
                       "c": "not known whether treatment was begun", "d": ""}  # fmt: skip
    counts = trd.rates(made, trd.Response(), day=7).counts.set_index("treatment")["n_treated"]
    assert counts.to_dict() == {"ECT": 1, "TMS": 1}
