"""The stand-ins: which rows each gets, and how a row looks in the columns of the Hub dataset.

A module holds the datasets of one kind. `recipe` has what they share, `tables` makes the files of it.
"""
