"""Questions that a benchmark asks as well are taken out, before anything is paid for."""
