"""What a comparison with other packages is made of: one piece of work, ours and theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module, metadata
from typing import Any

import timing
from in_r import InR, installed

Peer = Callable[[], Any] | InR


@dataclass(frozen=True)
class Case:
    """A piece of work at one size.

    Attributes
    ----------
    work : str
        What is done, and to how many.
    ours : callable
    peers : mapping of str to callable or InR
        By package; those of R by "R" and the package. Those that are not installed are left out.
    less : dict of str to str
        What a package leaves out of the work.
    """

    work: str
    ours: Callable[[], Any]
    peers: Mapping[str, Peer]
    less: dict[str, str] = field(default_factory=dict)


Cases = Callable[[], Iterator[Case]]


def has(package: str) -> bool:
    """Return whether a package can be imported."""
    try:
        import_module(package)
    except ImportError:
        return False
    return True


def is_here(name: str, peer: Peer) -> bool:
    """Return whether a peer is installed."""
    return peer.is_here if isinstance(peer, InR) else has(name)


def seconds(peer: Peer) -> float:
    """Return the time of a peer by the rule of `timing.seconds`."""
    return peer.seconds() if isinstance(peer, InR) else timing.seconds(peer)


def versions(name: str, peer: Peer) -> dict[str, str]:
    """Return the versions of what a peer is made of, by name."""
    if isinstance(peer, InR):
        named = {"R": installed()["base"], "BLAS of R": installed()["BLAS"]}
        return named | {f"R {p}": installed()[p] for p in peer.packages}
    return {name: metadata.version({"sklearn": "scikit-learn"}.get(name, name))}
