"""Where questions come from: one raw frame a source, mapped to the columns of a question."""
