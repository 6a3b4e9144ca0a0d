"""How many questions of each source go on."""
