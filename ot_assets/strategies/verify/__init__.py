"""Verification: what an answer is worth, as one of six verdicts with a reason, never as a bool."""
