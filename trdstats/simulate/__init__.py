"""The sample studies: simulated, seeded and reproducible to the byte.

Two studies are made from published numbers: `modalities`, eight non-randomised cohorts each on
its own visit schedule, and `trial`, three randomised arms on one; their parameters live in
``cohorts.toml`` with their sources. `registry` holds the forms of a clinic, item by item and messy
on purpose. ``python -m trdstats.simulate sample_data`` writes them.

`referral` draws one population and gives treatments by severity, or at random; `chance` is each
subject's true probability of treatment.

`maintenance` is a cohort of responders whose lithium starts and stops with the last score.

`truth` of each is what holds in its population: means, rates, onset, dropout and effects at the
scheduled days with their Monte-Carlo errors, and what was set exactly.

Examples
--------
>>> from trdstats import simulate
>>> clinic = simulate.referral(seed=1, n=200)
>>> trial = simulate.referral(seed=1, n=200, randomised=True)
>>> bool((clinic.subjects["chance"] == trial.subjects["chance"]).all())
True
>>> known = clinic.truth.query("day == 28 and strategy == 'no subject leaves, no rescue'")
>>> known = known[known["population"].isin(["all", "as referred"])].set_index("quantity")
>>> known.loc[["effect on response", "crude difference in response"], "value"].round(2).tolist()
[0.08, 0.03]
"""

from trdstats.simulate.by_severity import simulate_referral
from trdstats.simulate.by_severity import simulate_referral as referral
from trdstats.simulate.changing.maintenance import simulate_maintenance
from trdstats.simulate.changing.maintenance import simulate_maintenance as maintenance
from trdstats.simulate.clinic.registry_tables import RegistrySample, simulate_registry
from trdstats.simulate.clinic.registry_tables import simulate_registry as registry
from trdstats.simulate.eight_cohorts import simulate_modalities
from trdstats.simulate.eight_cohorts import simulate_modalities as modalities
from trdstats.simulate.record import SampleStudy
from trdstats.simulate.three_arms import simulate_trial
from trdstats.simulate.three_arms import simulate_trial as trial
from trdstats.simulate.write import write_samples

__all__ = [
    "RegistrySample",
    "SampleStudy",
    "maintenance",
    "modalities",
    "referral",
    "registry",
    "simulate_maintenance",
    "simulate_modalities",
    "simulate_referral",
    "simulate_registry",
    "simulate_trial",
    "trial",
    "write_samples",
]
