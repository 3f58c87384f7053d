"""The probability that a response goes on, given its course so far."""
