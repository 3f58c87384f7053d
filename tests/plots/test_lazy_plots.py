import subprocess
import sys

import pytest

import trdstats.plots


def test_import_loads_no_drawing_library():
    heavy = "matplotlib", "seaborn", "pandas", "numpy"
    code = (
        "import sys, trdstats.plots as plots\n"
        f"print([name for name in {heavy!r} if name in sys.modules])\n"
        "print(sorted(plots.__all__))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "[]",
        "['Style', 'choose_ticks', 'flow_height', 'plot_autocorrelation', "
        "'plot_balance', 'plot_by_treatment', "
        "'plot_calibration', 'plot_delta_areas', 'plot_delta_line', "
        "'plot_effect_over_time', 'plot_estimates', 'plot_extrapolation', "
        "'plot_flow', 'plot_forest', "
        "'plot_interval_curves', 'plot_matching_weights', 'plot_mean_number', "
        "'plot_responder_tiles', "
        "'plot_schedule', 'plot_specification_curve', 'plot_state_areas', 'plot_survival', "
        "'plot_tipping_points', 'plot_trajectories', "
        "'plot_waterfall', 'plot_waterfalls', 'save_figure', 'treatment_styles']",
    ]


def test_every_public_name_resolves():
    for name in trdstats.plots.__all__:
        assert getattr(trdstats.plots, name).__doc__
    assert set(trdstats.plots.__all__) <= set(dir(trdstats.plots))
    with pytest.raises(AttributeError, match="plot_pie"):
        _ = trdstats.plots.plot_pie
