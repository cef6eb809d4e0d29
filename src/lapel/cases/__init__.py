"""What matter does it belong to? Cases, what is in them, who works on them, and what is shared with another agency."""
