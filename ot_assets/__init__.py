"""OpenThoughts as a Dagster asset graph: recipes, strategies, lineage and the graph made of them."""
