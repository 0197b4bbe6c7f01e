"""Finished and running runs: reports, plots, films, latents."""
