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


@pytest.mark.parametrize("layout", ["tight", "constrained", "compressed", None])
def test_a_figure_saved_twice_gives_the_same_files_and_stays_as_it_was(tmp_path, layout):
    figure, axes = plt.subplots(2, 2, layout=layout, figsize=(5, 4))
    for k, ax in enumerate(axes.ravel()):
        ax.plot([0, 1], [0, 10**k])
        ax.set_title("a title that is as wide as its axes")
        ax.set_ylabel("a label")
    engine = figure.get_layout_engine()
    before = [ax.get_position().bounds for ax in figure.axes]
    first = save_figure(figure, tmp_path / "first")
    assert [ax.get_position().bounds for ax in figure.axes] == before
    assert figure.get_layout_engine() is engine
    second = save_figure(figure, tmp_path / "second")
    for a, b in zip(first, second, strict=True):
        assert a.read_bytes() == b.read_bytes()
    plt.close(figure)


def test_a_tight_figure_is_laid_out(tmp_path):
    # Labels of neighbours do not run into each other: the layout came before the files.
    figure, axes = plt.subplots(1, 2, layout="tight", figsize=(4, 3))
    axes[1].set_ylabel("a label\nof three\nlines")
    loose, _ = plt.subplots(1, 2, figsize=(4, 3))
    loose.axes[1].set_ylabel("a label\nof three\nlines")
    tight, _ = save_figure(figure, tmp_path / "tight")
    plain, _ = save_figure(loose, tmp_path / "plain")
    assert tight.read_bytes() != plain.read_bytes()
    plt.close("all")
