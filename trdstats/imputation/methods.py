"""Methods of drawing the parameters of the imputation model, each a value that checks itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from trdstats.arguments import checked
from trdstats.errors import SpecError, check_choice

RESAMPLING = ("jackknife", "bootstrap")


@checked
@dataclass(frozen=True, slots=True)
class ConditionalMean:
    """Missing visits at their conditional means under the fitted model; errors by resampling.

    The model is fitted by (restricted) maximum likelihood to all subjects and to resamples of
    them; the whole analysis is repeated on each. Analyses must be linear in the outcome, such as
    an ANCOVA: a conditional mean has no variance.

    Parameters
    ----------
    resampling : {"jackknife", "bootstrap"}
        Each subject left out once, or subjects drawn with replacement within each treatment.
    n : int, optional
        Resamples of the bootstrap.
    seed : int, optional
        Seed of the bootstrap.

    Raises
    ------
    SpecError
        When the bootstrap has no n or seed, or the jackknife has one.

    References
    ----------
    Wolbers and others 2022, Pharm Stat 21:1246-1257, doi:10.1002/pst.2234.
    """

    resampling: Literal["jackknife", "bootstrap"] = "jackknife"
    n: int | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        check_choice("resampling", self.resampling, RESAMPLING)
        if self.resampling == "jackknife":
            if self.n is not None or self.seed is not None:
                raise SpecError("The jackknife leaves each subject out once: no n, no seed.")
            return
        if self.n is None or self.seed is None:
            raise SpecError("A bootstrap needs n and a seed: ConditionalMean('bootstrap', n=1000, "
                            "seed=1).")  # fmt: skip
        _check_count("n", self.n, 10)
        _check_seed(self.seed)

    def describe(self) -> str:
        """Return the method in words."""
        how = "the jackknife" if self.resampling == "jackknife" else (
            f"the bootstrap, {self.n:,} resamples of subjects within treatments, seed {self.seed}"
        )  # fmt: skip
        return f"conditional means under the fitted model, errors by {how}"


@checked
@dataclass(frozen=True, slots=True)
class ApproximateBayes:
    """Parameters fitted to bootstrap samples of subjects, then missing visits drawn.

    Parameters
    ----------
    n : int
        Draws.
    seed : int

    Raises
    ------
    SpecError
        When n or the seed is not usable.

    References
    ----------
    Little and Rubin 2020, doi:10.1002/9781119482260, chapter 10.
    """

    n: int = 100
    seed: int = field(kw_only=True)

    def __post_init__(self) -> None:
        _check_count("n", self.n, 2)
        _check_seed(self.seed)

    def describe(self) -> str:
        """Return the method in words."""
        return (
            f"{self.n:,} draws of an approximate posterior: the model refitted to bootstrap "
            f"samples of subjects within treatments, seed {self.seed}"
        )


@checked
@dataclass(frozen=True, slots=True)
class Bayesian:
    """Parameters drawn from their posterior by a Gibbs sampler, then missing visits drawn.

    The prior is flat on the fixed effects and ``|Sigma|^(-(T + 1) / 2)`` on each covariance matrix
    of T visits.

    Parameters
    ----------
    n : int
        Draws kept, over all chains.
    seed : int
    burn_in : int
        Iterations of each chain before the first draw.
    thin : int
        Iterations from one draw of a chain to the next.
    chains : int
        Chains from dispersed starts; two or more, so that they can be compared.

    Raises
    ------
    SpecError
        When a number is not usable.

    References
    ----------
    Schafer 1997, doi:10.1201/9781439821862.
    """

    n: int = 100
    seed: int = field(kw_only=True)
    burn_in: int = 200
    thin: int = 10
    chains: int = 4

    def __post_init__(self) -> None:
        _check_count("n", self.n, 2)
        _check_count("burn_in", self.burn_in, 0)
        _check_count("thin", self.thin, 1)
        _check_count("chains", self.chains, 2)
        _check_seed(self.seed)

    def describe(self) -> str:
        """Return the method in words."""
        return (
            f"{self.n:,} draws of the posterior by a Gibbs sampler ({self.chains} chains, burn-in "
            f"{self.burn_in:,}, every {self.thin} iterations, seed {self.seed}); prior flat on the "
            "fixed effects, |Sigma|^-(T + 1)/2 on the covariance"
        )


@checked
@dataclass(frozen=True, slots=True)
class NormalPosterior:
    """Parameters from the large-sample normal distribution of the estimates, then ratings drawn.

    Parameters
    ----------
    n : int
        Draws.
    seed : int

    Raises
    ------
    SpecError
        When n or the seed is not usable.

    References
    ----------
    Rubin 1987, doi:10.1002/9780470316696, section 5.3.
    """

    n: int = 100
    seed: int = field(kw_only=True)

    def __post_init__(self) -> None:
        _check_count("n", self.n, 2)
        _check_seed(self.seed)

    def describe(self) -> str:
        """Return the method in words."""
        return (
            f"{self.n:,} draws: parameters from the normal distribution of the estimates, random "
            f"effects given the observed ratings, seed {self.seed}"
        )


Method = ConditionalMean | ApproximateBayes | Bayesian


def _check_count(name: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise SpecError(f"{name} must be a whole number of at least {least}; got {value!r}.")


def _check_seed(seed: object) -> None:
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise SpecError(f"seed must be a whole number of 0 or more; got {seed!r}.")
