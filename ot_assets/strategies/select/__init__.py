"""Which answers of a question go into the dataset."""
