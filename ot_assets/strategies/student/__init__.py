"""Students, fine-tuned on the rows of a cell."""
