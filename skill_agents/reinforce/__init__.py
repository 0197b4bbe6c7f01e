"""REINFORCE with a learned baseline and Pop-Art, and what learners of whole trials share."""
