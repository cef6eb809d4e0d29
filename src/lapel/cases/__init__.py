"""What matter does it belong to? Knows recordings by id only."""
