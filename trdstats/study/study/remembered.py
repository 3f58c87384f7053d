"""What a frame made of a study remembers of it: the caveat, which scores are better, the scale."""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd

from trdstats.scales import Scale, get_scale, scale_names
from trdstats.study.study.held import HeldTables

_CAVEAT = "trdstats.caveat"  # attribute of frames that come from a study
_BETTER = "trdstats.better"
_SCALE = "trdstats.scale"


def remembering(frame: pd.DataFrame, study: HeldTables) -> pd.DataFrame:
    """Return a frame of visits of a study that says, in ``attrs``, what must not get lost."""
    if study.caveat:
        frame.attrs[_CAVEAT] = study.caveat
    frame.attrs[_BETTER] = study.scale.better
    if study.scale.label in scale_names() and get_scale(study.scale.label) == study.scale:
        frame.attrs[_SCALE] = study.scale.label
    return frame


def is_of_study(data: Any) -> bool:
    """Return whether data are a study, or a frame made of one."""
    return isinstance(data, HeldTables) or (
        isinstance(data, pd.DataFrame) and _BETTER in data.attrs
    )


def caveat_of(data: Any) -> str:
    """Return what comparisons of the treatments of a study, or a frame made of one, must say."""
    if isinstance(data, HeldTables):
        return data.caveat
    return str(data.attrs.get(_CAVEAT, "")) if isinstance(data, pd.DataFrame) else ""


def better_of(data: Any, outcome: str) -> Literal["lower", "higher"] | None:
    """Return which values of an outcome are better, None where it is not known.

    Parameters
    ----------
    data : Study or DataFrame
        A frame that no study made holds symptoms where it says scores or changes of them.
    outcome : str
        Name of the column.
    """
    if outcome not in ("score", "change"):
        return None
    if isinstance(data, HeldTables):
        return data.scale.better
    stated = data.attrs.get(_BETTER) if isinstance(data, pd.DataFrame) else None
    return "higher" if stated == "higher" else "lower"


def scale_of(data: Any) -> Scale | None:
    """Return the scale of the scores of a study, or of a frame made of one; None if not known."""
    if isinstance(data, HeldTables):
        return data.scale
    label = data.attrs.get(_SCALE) if isinstance(data, pd.DataFrame) else None
    return get_scale(label) if label in scale_names() else None
