"""Who are the people, and where do they belong?"""
