"""Newton steps, stacked influence, tails, resampling, pooling: for all other kernels."""
