"""REINFORCE with a learned baseline and Pop-Art, and the base of learners from whole trials."""
