"""What a fitted mixed model knows, one idea a file: the fit, its effects, its rows."""
