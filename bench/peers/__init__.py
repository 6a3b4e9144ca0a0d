"""The same questions asked by others: an endpoint on loopback, and a small script for each client."""
