"""What does everyone need? No I/O, standard library only."""
