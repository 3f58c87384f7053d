import itertools

import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex, to_rgb

from trdstats.errors import NotEstimableError
from trdstats.plots import (
    plot_survival,
    plot_trajectories,
    plot_waterfall,
    treatment_styles,
)
from trdstats.plots.layout.palette import COLORS

# Full dichromacy by Machado, Oliveira and Fernandes (2009), doi:10.1109/TVCG.2009.113, table 1.
VISION = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
TO_XYZ = np.array([[0.4125, 0.3576, 0.1804], [0.2127, 0.7152, 0.0722], [0.0193, 0.1192, 0.9503]])


def linear(color):
    c = np.array(to_rgb(color))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    x = TO_XYZ @ np.clip(rgb, 0, 1) / (TO_XYZ @ np.ones(3))
    f = np.where(x > 0.008856, np.cbrt(x), 7.787 * x + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("vision", VISION)
def test_colours_stay_apart_for_every_reader(vision):
    # 15 in CIE 1976 units; the palette of Okabe and Ito reaches 13 in its closest pair.
    seen = [lab(VISION[vision] @ linear(color)) for color in COLORS]
    closest = min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2))
    assert closest > 15


def test_colours_stand_out_from_white_paper():
    luminance = [TO_XYZ[1] @ linear(color) for color in COLORS]
    assert min(1.05 / (y + 0.05) for y in luminance) >= 2.99


def test_first_three_differ_as_greys():
    greys = [lab(linear(color))[0] for color in COLORS[:3]]
    assert min(abs(a - b) for a, b in itertools.combinations(greys, 2)) > 12


def test_styles_are_distinct_and_go_by_place(fake):
    styles = treatment_styles([*fake.EIGHT, "Ketamine"])
    assert list(styles) == fake.EIGHT
    for field in ("color", "linestyle", "marker"):
        assert len({getattr(style, field) for style in styles.values()}) == 8
    assert treatment_styles(fake.EIGHT[:2]) == {name: styles[name] for name in fake.EIGHT[:2]}
    assert len(set(treatment_styles(map(str, range(64))).values())) == 64


def test_no_treatment_is_an_error():
    with pytest.raises(NotEstimableError, match="at least one treatment"):
        treatment_styles([])


def test_one_treatment_keeps_one_colour_over_the_report(fake):
    styles = treatment_styles(fake.EIGHT)
    wanted = [styles[name].color for name in fake.THREE]
    lines = plot_trajectories(fake.means(fake.THREE), styles=styles).lines
    curves = plot_survival(fake.curve(fake.THREE), styles=styles, censor_marks=False).lines
    groups = plot_waterfall(fake.changes(fake.THREE), styles=styles).collections
    groups = [c for c in groups if isinstance(c, PolyCollection)]
    assert [to_hex(line.get_color()).upper() for line in lines] == wanted
    assert [to_hex(line.get_color()).upper() for line in curves] == wanted
    assert [to_hex(bars.get_facecolor()[0]).upper() for bars in groups] == wanted


def test_absent_categories_keep_their_place(fake):
    means = fake.means(fake.EIGHT)
    means["treatment"] = means["treatment"].astype("category").cat.set_categories(fake.EIGHT)
    ax = plot_trajectories(means[means["treatment"] == "ECT"])
    assert to_hex(ax.lines[0].get_color()).upper() == treatment_styles(fake.EIGHT)["ECT"].color
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["ECT"]
