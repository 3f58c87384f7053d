"""How far an unmeasured confounder, or a margin, moves the conclusion."""
