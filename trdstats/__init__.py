"""Response, remission, relapse and durability in treatment-resistant depression.

From a table of depression scores: who got better, how soon, for how long, and which
differences between treatments hold.

Examples
--------
>>> import trdstats as trd
>>> study = trd.load_sample("trial")
>>> onset = trd.time_to(study, trd.Response())
>>> curve = trd.KaplanMeier().fit(onset)
"""

import lazy_loader as _lazy

__version__ = "0.1.0"

# Nothing is imported until it is used: `import trdstats` costs milliseconds.
__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)


def _travel_by_name() -> None:
    """Let functions that mention this module go to workers: a module is pickled as its name.

    The loader gives lazily loaded modules a separate class, which picklers do not know.
    """
    import copyreg
    import importlib
    import sys

    kind = type(sys.modules[__name__])
    copyreg.pickle(kind, lambda module: (importlib.import_module, (module.__name__,)))


_travel_by_name()
