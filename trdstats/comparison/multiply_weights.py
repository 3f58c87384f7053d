"""Products of estimated weights: of treatment and of being observed, for example."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from trdstats.errors import SpecError, count_of
from trdstats.weights import EstimatedWeights, weight_model


def multiply_weights(first: Any, second: Any) -> EstimatedWeights:
    """Multiply the weights of two models, each fitted to the same subjects.

    Parameters
    ----------
    first, second : EstimatedWeights, or results that have them
        Such as those of `PropensityWeights` and `CensoringWeights`.

    Returns
    -------
    EstimatedWeights
        On the subjects of `first`; errors know of both models.

    Raises
    ------
    SpecError
        When one of them has no model, or they know different subjects.

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("trial")
    >>> seen = trd.CensoringWeights("baseline", outcome="change", day=28).fit(study)
    >>> both = trd.multiply_weights(seen, seen)
    """
    models = []
    for what, given in (("first", first), ("second", second)):
        model = weight_model(given)
        if model is None:
            raise SpecError(
                f"The {what} weights have no model: give a result with subject_weights, such as "
                f"that of CensoringWeights; got {type(given).__name__}."
            )
        models.append(model)
    a, b = models
    place = pd.Index(b.frame["subject"]).get_indexer(pd.Index(a.frame["subject"]))
    strange = int((place < 0).sum()) + len(b.frame) - int((place >= 0).sum())
    if strange:
        raise SpecError(
            f"{count_of(strange, 'subject is', 'subjects are')} known to one of the two models "
            "only: fit both to the same subjects."
        )
    weight = a.frame["weight"].to_numpy() * b.frame["weight"].to_numpy()[place]
    return EstimatedWeights(
        frame=a.frame[["subject"]].assign(weight=weight),
        log_derivative=np.hstack([a.log_derivative, b.log_derivative[place]]),
        influence=np.hstack([a.influence, b.influence[place]]),
        label=f"{a.label}, times {b.label}",
    )
