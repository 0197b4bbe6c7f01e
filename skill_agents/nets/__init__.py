"""Networks that the papers' agents are made of."""
