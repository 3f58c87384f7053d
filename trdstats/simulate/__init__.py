"""The sample studies: simulated, seeded and reproducible to the byte.

Two studies are made from published numbers: `modalities`, eight non-randomised cohorts each on
its own visit schedule, and `trial`, three randomised arms on one; their parameters live in
``cohorts.toml`` with their sources. `registry` holds the forms of a clinic, item by item and messy
on purpose. ``python -m trdstats.simulate sample_data`` writes them.
"""

from trdstats.simulate.by_severity import simulate_referral
from trdstats.simulate.clinic.registry_tables import RegistrySample, simulate_registry
from trdstats.simulate.eight_cohorts import simulate_modalities
from trdstats.simulate.record import SampleStudy
from trdstats.simulate.three_arms import simulate_trial
from trdstats.simulate.write import write_samples

__all__ = [
    "RegistrySample",
    "SampleStudy",
    "simulate_modalities",
    "simulate_referral",
    "simulate_registry",
    "simulate_trial",
    "write_samples",
]
