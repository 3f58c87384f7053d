"""How scores moved: observed means by visit."""

from __future__ import annotations

from typing import Any

from trdstats import plots
from trdstats.outcomes import mean_scores
from trdstats.plan.plan import Plan
from trdstats.plan.sections import Picture, Section
from trdstats.plan.step import Step
from trdstats.study import Study


def run(plan: Plan, study: Study) -> Section:
    """Return observed means at scheduled visits."""
    means = mean_scores(study, conf_level=plan.conf_level)

    def draw(figure: Any) -> None:
        plots.plot_trajectories(
            means,
            ax=figure.add_subplot(),
            ylabel=f"{study.scale.label} total (points)",
            styles=plots.treatment_styles(study.treatments),
            caveat=study.caveat,
            time_scale=plan.time_scale,
            better=study.scale.better,
        )

    return Section(
        "scores",
        "How did scores move?",
        "Observed means at scheduled visits. Whoever left is not part of a later mean.",
        pictures=(
            Picture(
                "scores",
                f"Mean {study.scale.label} total with {100 * plan.conf_level:g} % intervals, by "
                f"scheduled day. {study.scale.better.capitalize()} is better. Means of those "
                "seen, not of all who started.",
                draw,
            ),
        ),
        frames={"mean_scores": means},
    )


STEP = Step("scores", "scores over time", ("conf_level", "time_scale"), run)
