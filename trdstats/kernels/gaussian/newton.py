"""Newton steps on a deviance, shortened until they go down, with a record of how it went."""

from __future__ import annotations

from dataclasses import dataclass

from trdstats.arrays import FloatArray
from trdstats.kernels.gaussian.reml import Model, State, evaluate, observed_hessian, slopes
from trdstats.kernels.numerics.newton_loglik import uphill

_HALVINGS = 40
_ROUGH = 1e-3  # from this decrement on, exact second derivatives finish the work


@dataclass(frozen=True, slots=True)
class Optimum:
    """Where the deviance is lowest, and how it was found.

    Attributes
    ----------
    state : State
    start : ndarray, shape (h,)
        Where the search began.
    gradient : ndarray, shape (h,)
    hessian : ndarray, shape (h, h)
        Second derivatives of the deviance.
    n_iterations, n_evaluations : int
    decrement : float
        g' H^-1 g at the end: twice the fall in deviance that another step would promise.
    is_minimum : bool
        Whether the decrement is below the tolerance and the hessian positive definite.
    """

    state: State
    start: FloatArray
    gradient: FloatArray
    hessian: FloatArray
    n_iterations: int
    n_evaluations: int
    decrement: float
    is_minimum: bool


def minimise(
    model: Model, start: FloatArray, *, tolerance: float = 1e-10, most: int = 100
) -> Optimum | None:
    """Find the covariance parameters of lowest deviance.

    Average information leads near the optimum, exact second derivatives finish.

    Parameters
    ----------
    model : Model
    start : ndarray, shape (h,)
    tolerance : float
        Largest decrement at which the search ends.
    most : int
        Largest number of steps.

    Returns
    -------
    Optimum or None
        None where the deviance cannot be had at the start.
    """
    state = evaluate(model, start)
    if state is None:
        return None
    evaluations = 1
    exact = False
    for step_number in range(most + 1):
        derivatives = slopes(model, state)
        hessian = observed_hessian(model, state) if exact else derivatives.average
        direction, decrement, positive = uphill(-derivatives.gradient, hessian)
        if exact and ((decrement < tolerance and positive) or step_number == most):
            break
        if not exact and decrement < _ROUGH:
            exact = True
            continue
        next_state, used = _descend(model, state, direction, derivatives.gradient)
        evaluations += used
        if next_state is None:
            if exact:
                break
            exact = True
            continue
        state = next_state
    return Optimum(
        state=state,
        start=start,
        gradient=derivatives.gradient,
        hessian=hessian,
        n_iterations=step_number,
        n_evaluations=evaluations,
        decrement=decrement,
        is_minimum=bool(positive and decrement < max(tolerance, 1e-6)),
    )


def _descend(
    model: Model, state: State, direction: FloatArray, gradient: FloatArray
) -> tuple[State | None, int]:
    """Return the first point along a direction that goes down enough, None without one."""
    slope = float(gradient @ direction)
    length = 1.0
    for used in range(1, _HALVINGS + 1):
        next_state = evaluate(model, state.theta + length * direction)
        if next_state is not None and next_state.deviance <= state.deviance + 1e-4 * length * slope:
            return next_state, used
        length /= 2
    return None, _HALVINGS
