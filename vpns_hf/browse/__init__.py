"""A page in the browser to look at pruned models with, and to compare them."""
