"""What was done to it, provably? Everybody above writes here, so it knows nobody: actors and subjects are plain ids."""
