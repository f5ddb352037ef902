"""The mirror: what each side was last seen to hold, what the two last agreed on, what we sent."""
