"""The rows of one variant that its students are trained on: cut to the budget that all variants of a study share."""
