"""Answers as conversations, in the tags and roles that a release used."""
