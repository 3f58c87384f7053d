"""Packaged figures of R, SAS, published papers and worked cases, compared on this machine."""

from trdstats.selfcheck.certificate import Certificate, CheckedFigure
from trdstats.selfcheck.check import selfcheck

__all__ = ["Certificate", "CheckedFigure", "selfcheck"]
