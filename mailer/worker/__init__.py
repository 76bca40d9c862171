"""Claim, load, send, finish."""
