"""The probability of being in response, over time."""
