"""Reasoning and an answer for each question: generated, or brought along by the source."""
