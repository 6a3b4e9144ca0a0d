"""Questions that were asked already are taken out."""
