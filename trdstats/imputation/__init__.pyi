from .analysed import Analysed
from .analyses import ANCOVA, Analysis, RepeatedMeasures
from .draws import Draws
from .dropout import Dropout, describe_dropout
from .estimands.derived import Derived
from .estimands.estimand import Estimand
from .estimands.intercurrent import (
    Composite,
    Hypothetical,
    PrincipalStratum,
    TreatmentPolicy,
    WhileOnTreatment,
)
from .imputation import Imputation
from .imputed import Imputed
from .methods import (
    ApproximateBayes,
    Bayesian,
    ConditionalMean,
    NormalPosterior,
)
from .pooled import Pooled
from .rated.glmm_draws import GLMMDraws
from .rated.glmm_imputation import GLMMImputation
from .rated.imputed_ratings import ImputedRatings
from .refitted import Refitted
from .responders import ResponderRates, TimeToEvent
from .single_imputation import PlainAnalyses, single_imputation_analyses
from .tipping.responses import BinaryTippingPoint, BinaryTippingPointResult
from .tipping.scores import TippingPoint, TippingPointResult
from .trial.delta import Delta
from .trial.distributions import VisitDistribution
from .trial.events import dropout_events
from .trial.strategies import (
    MAR,
    CopyIncrements,
    CopyReference,
    CustomStrategy,
    JumpToReference,
    LastMeanCarriedForward,
    SetTo,
    Strategy,
)
from .visit_rates import VisitRates

__all__ = [
    "ANCOVA",
    "MAR",
    "Analysed",
    "Analysis",
    "ApproximateBayes",
    "Bayesian",
    "BinaryTippingPoint",
    "BinaryTippingPointResult",
    "Composite",
    "ConditionalMean",
    "CopyIncrements",
    "CopyReference",
    "CustomStrategy",
    "Delta",
    "Derived",
    "Draws",
    "Dropout",
    "Estimand",
    "GLMMDraws",
    "GLMMImputation",
    "Hypothetical",
    "Imputation",
    "Imputed",
    "ImputedRatings",
    "JumpToReference",
    "LastMeanCarriedForward",
    "NormalPosterior",
    "PlainAnalyses",
    "Pooled",
    "PrincipalStratum",
    "Refitted",
    "RepeatedMeasures",
    "ResponderRates",
    "SetTo",
    "Strategy",
    "TimeToEvent",
    "TippingPoint",
    "TippingPointResult",
    "TreatmentPolicy",
    "VisitDistribution",
    "VisitRates",
    "WhileOnTreatment",
    "describe_dropout",
    "dropout_events",
    "single_imputation_analyses",
]
