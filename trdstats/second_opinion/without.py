"""Results for which no independent Python implementation is known, and why."""

from __future__ import annotations

# Class of the result: why nothing is compared.
WITHOUT: dict[str, str] = {
    "FineGrayResult": "no Python library on which trdstats rests fits subdistribution hazards",
    "SharedFrailtyResult": "no Python library on which trdstats rests has a shared frailty",
    "TimeLostResult": "areas under the cumulative incidences of AalenJohansen, which has a second "
    "opinion",
    "ExtrapolationResult": "its curves are held to lifelines by tests; lifelines' own search ends "
    "far from the maximum without a start",
    "GLMMResult": "statsmodels fits mixed models of events by variational Bayes, not by maximum "
    "likelihood; R's figures hold it",
    "GLMMMargins": "averages over the random effects of GLMM",
    "GLMMEffects": "random effects of GLMM",
    "ProbabilityResult": "no Python library on which trdstats rests has probabilities of outcomes "
    "from a mixed model",
    "NormalFit": "it describes the residuals of a model, which has a second opinion",
    "Calibration": "it puts predicted beside observed proportions; both have their own checks",
    "GrayTestResult": "no Python library on which trdstats rests has Gray's test",
    "MaxComboResult": "no Python library on which trdstats rests has the joint test of several "
    "weighted log-rank tests; LogRank has a second opinion",
    "IntervalLogRankResult": "no Python library has the log-rank test for times between visits",
    "IntervalPHResult": "no Python library fits proportional hazards with a free baseline to "
    "times between visits",
    "MixtureCureResult": "lifelines has no covariates in the cured proportion",
    "MarginalCurves": "lifelines takes another baseline hazard with Efron's ties; the Cox "
    "regression has a second opinion",
    "ProportionalHazardsTest": "lifelines has the test on scaled residuals, not the score test",
    "ResponseStateResult": "no Python library on which trdstats rests has multi-state curves",
    "IntervalResponseStateResult": "no Python library fits illness-death models to visits",
    "StateBootstrap": "it resamples another result",
    "OriginSensitivity": "it refits another result with other origins",
    "ScheduleAudit": "it puts several results beside each other, each with its own second opinion",
    "Margins": "sums of the coefficients of the model, which has a second opinion",
    "Contrasts": "sums of the coefficients of the model, which has a second opinion",
    "GEEMargins": "averages of predictions of the model, which has a second opinion",
    "EndpointMargins": "averages of the predictions of the regression, which has a second opinion",
    "CategoryMargins": "averages of the predictions of the regression, which has a second opinion",
    "FactorialResult": "no Python library on which trdstats rests standardises factorial trials",
    "AIPWResult": "statsmodels takes two treatments only, and other averages",
    "MatchingResult": "no Python library on which trdstats rests matches subjects",
    "MatchedEstimates": "no Python library on which trdstats rests matches subjects",
    "IPCWResult": "no Python library has weights for censoring with their estimation",
    "WeightedBootstrapResult": "it resamples another result",
    "Comparison": "it puts several results beside each other, each with its own second opinion",
    "IndirectComparison": "no Python library on which trdstats rests compares indirectly",
    "MAICResult": "no Python library on which trdstats rests compares indirectly",
    "EValue": "no Python library on which trdstats rests has E-values",
    "NegativeControl": "it subtracts one estimate from another",
    "NoninferiorityResult": "it sets a margin beside limits, which have a second opinion",
    "UnmeasuredConfounder": "no Python library on which trdstats rests has this formula",
    "Analysed": "analyses of imputed data, which pooling combines",
    "Pooled": "no Python library on which trdstats rests pools with Barnard and Rubin's degrees "
    "of freedom",
    "Draws": "no Python library imputes by reference or by treatment",
    "Imputed": "no Python library imputes by reference or by treatment",
    "DurationCurveResult": "no Python library lets start and end lie between visits",
    "DurationNPMLEResult": "no Python library lets start and end lie between visits",
    "DurationPHResult": "no Python library lets start and end lie between visits",
    "DurationTestResult": "no Python library lets start and end lie between visits",
    "GLMMDraws": "no Python library imputes by a generalised linear mixed model",
    "ImputedRatings": "no Python library imputes by a generalised linear mixed model",
    "Dropout": "counts of visits",
    "Derived": "counts of visits",
    "PlainAnalyses": "it puts several results beside each other",
    "TippingPointResult": "it refits another result with other deltas",
    "BinaryTippingPointResult": "it refits another result with other counts",
    "Multiverse": "it puts several results beside each other, each with its own second opinion",
    "BaselineTable": "counts, means and quantiles of covariates",
    "ParticipantFlow": "counts of subjects",
    "NeededToTreat": "one over a difference, which has a second opinion",
    "Published": "printed figures, not estimates",
    "ScoredItems": "sums of answers",
    "ProposedWindows": "counts of visits",
    "RatingQuality": "counts of visits",
}
