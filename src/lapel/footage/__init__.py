"""What came from the cameras?"""
