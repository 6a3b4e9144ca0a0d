"""A fixed number of questions out of those that are left."""
