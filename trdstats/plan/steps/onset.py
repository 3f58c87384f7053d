"""How soon: time to the first response."""

from __future__ import annotations

from typing import Any

from trdstats import plots
from trdstats.kinds import label_of
from trdstats.plan.sections import Note, Picture, Section
from trdstats.plan.step import Step, Task
from trdstats.survival import RMST, KaplanMeier, LogRank


def run(task: Task) -> Section:
    """Return time to first response: curves, test, restricted means."""
    plan, study = task.plan, task.study
    onset = task.onset("response")
    curves = KaplanMeier(conf_level=plan.conf_level).fit(onset)
    quantiles = curves.quantiles()
    tables = [curves.summary()]
    frames = {
        "onset_times": onset.frame,
        "onset_curves": curves.tidy(),
        "onset_quantiles": quantiles,
    }
    notes: list[Note] = []
    if len(study.treatments) > 1:
        test = LogRank().fit(onset)
        tables.append(test.summary())
        frames |= {"onset_logrank": test.glance(), "onset_logrank_pairs": test.pairwise()}
    seen = [t for t in study.treatments if onset.first_look.get(t, 0.0) <= plan.horizon]
    late = [t for t in study.treatments if t not in seen]
    if late:
        text = f"No subject was assessed by day {plan.horizon:g} under {', '.join(late)}"
        notes.append(Note(f"{text}: no restricted mean.", "not estimable"))
    if seen:
        reference = None if plan.reference is None else label_of(plan.reference)
        reference = reference if reference in seen else None
        means = RMST(plan.horizon, reference=reference, conf_level=plan.conf_level).fit(
            onset.only(seen)
        )
        tables.append(means.summary())
        frames["onset_rmst"] = means.tidy()

    def draw(figure: Any) -> None:
        curves.plot(
            figure.add_subplot(),
            styles=plots.treatment_styles(study.treatments),
            time_scale=plan.time_scale,
        )

    return Section(
        task.name,
        task.settings.title or "How soon?",
        "Time from day 0 to the first visit that shows a response. A visit can only find a "
        "response that has already happened: treatments rated more often look faster.",
        tables=tuple(tables),
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
        notes=tuple(notes),
    )


STEP = Step("onset", "onset of response", run)
