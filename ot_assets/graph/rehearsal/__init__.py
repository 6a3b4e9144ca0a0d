"""A run without the models: what it would ask, before it asks anything."""
