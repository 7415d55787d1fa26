"""Where do fields and messages end up?"""
