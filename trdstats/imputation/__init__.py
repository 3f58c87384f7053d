"""Missing visits and intercurrent events: draws, strategies, analysis, pooling, tipping points."""

from trdstats.imputation.analysed import Analysed
from trdstats.imputation.analyses import ANCOVA, Analysis, RepeatedMeasures
from trdstats.imputation.draws import Draws
from trdstats.imputation.dropout import Dropout, describe_dropout
from trdstats.imputation.estimands.derived import Derived
from trdstats.imputation.estimands.estimand import Estimand
from trdstats.imputation.estimands.intercurrent import (
    Composite,
    Hypothetical,
    PrincipalStratum,
    TreatmentPolicy,
    WhileOnTreatment,
)
from trdstats.imputation.imputation import Imputation
from trdstats.imputation.imputed import Imputed
from trdstats.imputation.methods import (
    ApproximateBayes,
    Bayesian,
    ConditionalMean,
    NormalPosterior,
)
from trdstats.imputation.pooled import Pooled
from trdstats.imputation.rated.glmm_draws import GLMMDraws
from trdstats.imputation.rated.glmm_imputation import GLMMImputation
from trdstats.imputation.rated.imputed_ratings import ImputedRatings
from trdstats.imputation.refitted import Refitted
from trdstats.imputation.responders import ResponderRates, TimeToEvent
from trdstats.imputation.single_imputation import PlainAnalyses, single_imputation_analyses
from trdstats.imputation.tipping.responses import BinaryTippingPoint, BinaryTippingPointResult
from trdstats.imputation.tipping.scores import TippingPoint, TippingPointResult
from trdstats.imputation.trial.delta import Delta
from trdstats.imputation.trial.events import dropout_events
from trdstats.imputation.trial.strategies import (
    MAR,
    CopyIncrements,
    CopyReference,
    CustomStrategy,
    JumpToReference,
    LastMeanCarriedForward,
    SetTo,
    Strategy,
)
from trdstats.imputation.visit_rates import VisitRates
from trdstats.kernels.gaussian.reference_based import VisitDistribution

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
