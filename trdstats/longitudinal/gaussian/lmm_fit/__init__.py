"""How an LMM is fitted and concluded; the fit to sums of the parts of a divided study."""
