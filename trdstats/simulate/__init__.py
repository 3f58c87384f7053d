"""The sample studies: simulated, seeded and reproducible to the byte.

Two studies are made from published numbers: `modalities`, eight non-randomised cohorts each on
its own visit schedule, and `trial`, three randomised arms on one; their parameters live in
``cohorts.toml`` with their sources. `registry` holds the forms of a clinic, item by item and messy
on purpose. ``python -m trdstats.simulate sample_data`` writes them.

`referral` draws one population and gives treatments by severity, or at random: what a randomised
comparison would find is then known, and `chance` is each subject's true probability of treatment.

Examples
--------
>>> from trdstats import simulate
>>> clinic = simulate.referral(seed=1, n=200)
>>> truth = simulate.referral(seed=1, n=200, randomised=True)
>>> bool((clinic.subjects["chance"] == truth.subjects["chance"]).all())
True
"""

from trdstats.simulate.by_severity import simulate_referral
from trdstats.simulate.by_severity import simulate_referral as referral
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
    "modalities",
    "referral",
    "registry",
    "simulate_modalities",
    "simulate_referral",
    "simulate_registry",
    "simulate_trial",
    "trial",
    "write_samples",
]
