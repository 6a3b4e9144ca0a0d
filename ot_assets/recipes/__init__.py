"""Recipes: which choice is made at each stage, per track, and the plan of tables that follows from it."""
