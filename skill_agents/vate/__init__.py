"""VATE: variational task embeddings, a recurrent agent with a belief over its task."""
