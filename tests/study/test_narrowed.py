"""A study of some of its treatments or subjects is the study of their rows."""

from __future__ import annotations

import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import NotEstimableError, UnknownNameError


def rebuilt(treatments: list[str]) -> trd.Study:
    """Return the study made anew from the rows of some treatments."""
    study = trd.load_sample("modalities")
    people = study.subjects[study.subjects["treatment"].isin(treatments)]
    mine = people["subject"]
    windows = {k: v for k, v in (study.windows or {}).items() if k in treatments}
    columns = ["subject", "day", "score"]
    return trd.Study(
        study.visits.loc[study.visits["subject"].isin(mine), columns],
        people.drop(columns="baseline").assign(treatment=people["treatment"].astype(str)),
        study.events[study.events["subject"].isin(mine)],
        scale="MADRS",
        windows=windows,
    )


@pytest.mark.filterwarnings("ignore::trdstats.errors.DataWarning")
def test_some_treatments_are_as_if_the_others_had_never_been_there() -> None:
    # The order of treatments is that of the study, whatever the order of the names.
    own = trd.load_sample("modalities").only(["VNS", "TMS"])
    new = rebuilt(["TMS", "VNS"])
    assert own.treatments == ("TMS", "VNS")
    assert set(own.windows or {}) == {"TMS", "VNS"}
    for outcome in (trd.Response(), trd.Remission()):
        a, b = (trd.time_to(s, outcome).frame.sort_values("subject") for s in (own, new))
        columns = ["subject", "left", "right", "time", "status"]
        left, right = (f[columns].astype({"subject": object}) for f in (a, b))
        pd.testing.assert_frame_equal(left.reset_index(drop=True), right.reset_index(drop=True))
    assert len(own.events) == len(new.events)


def test_some_subjects() -> None:
    study = trd.load_sample("trial")
    names = study.subjects["subject"].iloc[[5, 0, 9]].tolist()
    own = study.keep(names)
    assert sorted(own.subjects["subject"]) == sorted(names)
    assert set(own.visits["subject"]) == set(names)
    whole = trd.rates(study, trd.Response(), day=28).outcomes.set_index("subject")["met"]
    part = trd.rates(own, trd.Response(), day=28).outcomes.set_index("subject")["met"]
    assert part[names].tolist() == whole[names].tolist()
    assert own.randomised


def test_names_that_are_not_there() -> None:
    study = trd.load_sample("trial")
    with pytest.raises(UnknownNameError, match="Unknown treatment 'SHAM'"):
        study.only(["SHAM"])
    with pytest.raises(UnknownNameError, match="Unknown subject 'nobody'"):
        study.keep(["nobody"])
    with pytest.raises(NotEstimableError, match="there is nothing to analyse"):
        study.keep([])
