"""Pruned models on the Hub: their names, cards, publishing and listing."""
