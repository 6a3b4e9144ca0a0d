"""Studies: one choice of a recipe made in several ways, a student trained on each, and their scores side by side."""
