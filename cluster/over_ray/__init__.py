"""A run over Ray: supervisor, components, restarts, placement and logs."""
