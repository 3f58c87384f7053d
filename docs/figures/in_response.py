"""Draw the figure of the README. Run: python docs/figures/in_response.py."""

from pathlib import Path

import matplotlib.pyplot as plt

import trdstats as trd

cohorts = trd.load_sample("modalities")
history = trd.response_history(cohorts, trd.Response(), trd.LossOfResponse(below=0.4))
states = trd.ResponseState(tau=180).fit(history)
figure, ax = plt.subplots(figsize=(9, 5), layout="constrained")
states.plot_in_response(ax)
figure.savefig(Path(__file__).with_suffix(".png"), dpi=110, metadata={"Software": None})
