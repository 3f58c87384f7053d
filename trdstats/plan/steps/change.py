"""How scores changed: observed means by visit."""

from __future__ import annotations

from typing import Any

from trdstats import plots
from trdstats.outcomes import mean_scores
from trdstats.plan.sections import Picture, Section
from trdstats.plan.step import Step, Task


def run(task: Task) -> Section:
    """Return observed means at scheduled visits."""
    plan, study = task.plan, task.study
    means = mean_scores(study, conf_level=plan.conf_level)

    def draw(figure: Any) -> None:
        plots.plot_trajectories(
            means,
            ax=figure.add_subplot(),
            ylabel=f"{study.scale.label} total (points)",
            styles=plots.treatment_styles(study.treatments),
            caveat=study.caveat,
            time_scale=plan.time_scale,
        )

    return Section(
        task.name,
        task.settings.title or "How did scores change?",
        "Observed means at scheduled visits. Whoever left is not part of a later mean.",
        pictures=(
            Picture(
                "scores",
                f"Mean {study.scale.label} total with {100 * plan.conf_level:g} % intervals, by "
                "scheduled day. Lower is better. Means of those seen, not of all who started.",
                draw,
            ),
        ),
        frames={"mean_scores": means},
        results=means,
    )


STEP = Step("change", "scores over time", run)
