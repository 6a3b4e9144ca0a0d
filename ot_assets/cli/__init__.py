"""`ot`: what Dagster's own command line lacks."""
