"""Was the camera on when it had to be, and off when it had to be?"""
