"""What a study shows of its courses."""

from __future__ import annotations

import pandas as pd

from trdstats.errors import count_of


def course_lines(
    courses: pd.DataFrame, switches: pd.DataFrame, subjects: pd.DataFrame
) -> tuple[tuple[str, str], ...]:
    """Return how many courses there are, and how many started another treatment, by arm."""
    header = []
    if len(courses):
        n = courses["subject"].nunique()
        header.append(("Courses", f"{len(courses):,} of {count_of(n, 'subject', 'subjects')}"))
    if len(switches):
        size = subjects["treatment"].value_counts(sort=False)
        count = switches["from"].value_counts(sort=False)
        named = ", ".join(f"{count[t]:,} of {size[t]:,} {t}" for t in size.index if count[t])
        header.append(("Started another treatment", named))
    return tuple(header)
