"""What is released: the dataset, and its metadata twin."""
