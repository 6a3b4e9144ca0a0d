"""What runs without anybody clicking: a job a recipe, and the night that looks at the sources and refreshes."""
