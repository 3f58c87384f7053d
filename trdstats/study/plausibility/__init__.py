"""Whether days, visits and covariates can be what they are said to be, told by arrays alone."""
