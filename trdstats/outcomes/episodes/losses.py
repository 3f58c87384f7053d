"""Loss of response as an event that comes again."""

from __future__ import annotations

import pandas as pd

from trdstats.arguments import check_instance, checked
from trdstats.errors import NotEstimableError
from trdstats.outcomes.check_history import STATES
from trdstats.outcomes.episodes.episodes import Episodes
from trdstats.outcomes.response_history import ResponseHistory


@checked
def loss_episodes(history: ResponseHistory) -> Episodes:
    """Return the time in response of every subject, each loss of response an event.

    Parameters
    ----------
    history : ResponseHistory
        From ``response_history(study, response, relapse, regain=True)``, where a relapsed subject
        may respond again; otherwise each subject has one episode.

    Returns
    -------
    Episodes
        One row a time in response. Days count from the subject's first response; between the loss
        of a response and the next response it is not at risk. Changes are dated at the visit at
        which they were detected.

    Raises
    ------
    NotEstimableError
        When no subject was in response.

    Examples
    --------
    >>> import trdstats as trd
    >>> history = trd.response_history(
    ...     trd.load_sample("trial"), trd.Response(), trd.LossOfResponse(), regain=True)
    >>> trd.loss_episodes(history).is_recurrent
    True
    """
    check_instance("history", history, ResponseHistory)
    frame = history.frame
    stays = frame[frame["state"] == STATES[1]]
    if not len(stays):
        raise NotEstimableError("No subject was in response: there is no response to lose.")
    origin = stays.groupby("subject", observed=True, sort=False)["start"].transform("min")
    start, stop = stays["start"] - origin, stays["stop"] - origin
    status = (stays["to"] == STATES[2]).astype(int)
    made = stays.drop(columns=["state", "to", "left", "right"])
    made = made.assign(start=start, stop=stop, status=status).rename(
        columns={c: f"{c}_given" for c in ("number",) if c in made}
    )
    # A response regained and lost on one day is no time at risk.
    instant = ((stop == start) & (start > 0)).to_numpy()
    others = frame[~frame["subject"].isin(stays["subject"])].drop_duplicates("subject", keep="last")
    responded = (others["to"] == STATES[1]).to_numpy()
    columns = ["subject", "treatment"]
    reasons = [
        others.loc[~responded, columns].assign(reason="no response"),
        others.loc[responded, columns].assign(reason="no assessment after the response"),
        history.unseen[columns].assign(reason="no post-baseline assessment"),
        stays.loc[instant, ["subject", "treatment"]].assign(
            reason="an episode: lost on the day on which it was regained"
        ),
    ]
    parts = [history.left_out, *(r.astype({"treatment": object}) for r in reasons if len(r))]
    never = ((stop == 0) & (status == 0)).to_numpy()
    if never.any():
        seen_once = stays.loc[never, ["subject", "treatment"]]
        parts.append(
            seen_once.assign(reason="no assessment after the response").astype(
                {"treatment": object}
            )
        )
    return Episodes(
        made[~instant & ~never],
        outcome=history.relapse,
        origin=f"first {history.response}",
        left_out=pd.concat(parts, ignore_index=True) if len(parts) > 1 else history.left_out,
        caveat=history.caveat,
        switching=history.switching,
    )
