"""Treatment that changes over time: strategies, marginal structural models, sequential trials."""
