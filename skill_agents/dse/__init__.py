"""Disentangled skill embeddings (Petangoda et al.)."""
