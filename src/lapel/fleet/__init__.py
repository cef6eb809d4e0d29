"""Which cameras are there, and which officer had which one?"""
