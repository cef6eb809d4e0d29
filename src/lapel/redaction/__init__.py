"""What must be hidden, and is the rest untouched?"""
