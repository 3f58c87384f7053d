"""How soon: time to the first response."""

from __future__ import annotations

from typing import Any

from trdstats import plots
from trdstats.kinds import label_of
from trdstats.outcomes import time_to
from trdstats.plan.plan import Plan
from trdstats.plan.sections import Picture, Section
from trdstats.plan.step import Step
from trdstats.plan.switching import strategy_for
from trdstats.study import Study
from trdstats.survival import RMST, KaplanMeier, LogRank


def run(plan: Plan, study: Study) -> Section:
    """Return time to first response: curves, test, restricted means."""
    onset = time_to(study, plan.response, after_switch=strategy_for("onset", plan.after_switch))
    curves = KaplanMeier(conf_level=plan.conf_level).fit(onset)
    quantiles = curves.quantiles()
    faces = [curves.summary()]
    frames = {
        "onset_times": onset.frame,
        "onset_curves": curves.tidy(),
        "onset_quantiles": quantiles,
    }
    cautions: list[str] = []
    if len(study.treatments) > 1:
        test = LogRank().fit(onset)
        faces.append(test.summary())
        frames |= {"onset_logrank": test.glance(), "onset_logrank_pairs": test.pairwise()}
    seen = [t for t in study.treatments if onset.first_look.get(t, 0.0) <= plan.horizon]
    late = [t for t in study.treatments if t not in seen]
    if late:
        cautions.append(
            f"Nobody was rated by day {plan.horizon:g} under {', '.join(late)}: no restricted mean."
        )
    if seen:
        reference = None if plan.reference is None else label_of(plan.reference)
        reference = reference if reference in seen else None
        means = RMST(plan.horizon, reference=reference, conf_level=plan.conf_level).fit(
            onset.only(seen)
        )
        faces.append(means.summary())
        frames["onset_rmst"] = means.tidy()

    def draw(figure: Any) -> None:
        curves.plot(
            figure.add_subplot(),
            styles=plots.treatment_styles(study.treatments),
            time_scale=plan.time_scale,
        )

    return Section(
        "onset",
        "How soon?",
        "Time from day 0 to the first visit that shows a response. A visit can only find a "
        "response that has already happened: treatments rated more often look faster.",
        faces=tuple(faces),
        pictures=(
            Picture(
                "onset",
                "Share that has responded at least once, by day, with "
                f"{100 * plan.conf_level:g} % intervals; numbers still waiting below.",
                draw,
                (9.0, 4.6 + 0.24 * len(study.treatments)),
            ),
        ),
        frames=frames,
        cautions=tuple(cautions),
    )


STEP = Step(
    "onset",
    "onset of response",
    ("response", "horizon", "reference", "conf_level", "after_switch"),
    run,
)
