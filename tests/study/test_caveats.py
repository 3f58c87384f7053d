"""Cautions keep their parts apart from their text: what weights change is asked of a part."""

from __future__ import annotations

import pickle

from trdstats.estimates.weights import caveat_under
from trdstats.study.caveats import UNADJUSTED, WEIGHTED, Caveat


class Adjusting:
    """Stands for a result that brings weights; see `caveat_under`."""


def test_weights_change_one_part_and_leave_the_others() -> None:
    both = Caveat.of(UNADJUSTED, "Compared among responders only")
    assert both == f"{UNADJUSTED}. Compared among responders only"
    assert both.under_adjusting_weights().parts == (WEIGHTED, "Compared among responders only")


def test_a_text_that_holds_the_words_is_another_caution() -> None:
    said = f"The registry says: {UNADJUSTED}"
    assert Caveat(said).under_adjusting_weights() == said
    assert Caveat("").parts == ()
    assert Caveat.of("", "") == ""


def test_known_weights_change_nothing() -> None:
    assert caveat_under(UNADJUSTED, Adjusting()) == UNADJUSTED


def test_it_travels() -> None:
    both = Caveat.of(UNADJUSTED, "x")
    again = pickle.loads(pickle.dumps(both))
    assert (again, again.parts) == (both, both.parts)
