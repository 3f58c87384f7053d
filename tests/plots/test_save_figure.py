import matplotlib.pyplot as plt
import pytest

from trdstats.errors import SpecError
from trdstats.plots import plot_survival, save_figure


def draw(fake):
    return plot_survival(
        fake.curve(fake.THREE),
        at_risk=fake.at_risk(fake.THREE, [0, 90, 180]),
        title="T",
        caveat="C",
    ).figure


def test_same_figure_gives_same_bytes(tmp_path, fake):
    figure = draw(fake)
    first = save_figure(figure, tmp_path / "new folder" / "fig-1.5")
    second = save_figure(figure, tmp_path / "second")
    third = save_figure(draw(fake), str(tmp_path / "third"))
    assert [path.name for path in first] == ["fig-1.5.png", "fig-1.5.svg"]
    for a, b, c in zip(first, second, third, strict=True):
        assert a.read_bytes() == b.read_bytes() == c.read_bytes()


def test_files_hold_neither_date_nor_program(tmp_path, fake):
    png, svg = save_figure(draw(fake), tmp_path / "figure")
    assert b"Software" not in png.read_bytes()
    assert "<dc:date>" not in svg.read_text()
    width = plt.imread(png).shape[1]
    assert width > 150 * 6


def test_coarse_pictures_are_refused(tmp_path, fake):
    with pytest.raises(SpecError, match="dpi must be at least 150; got 72"):
        save_figure(plt.figure(), tmp_path / "coarse", dpi=72)
