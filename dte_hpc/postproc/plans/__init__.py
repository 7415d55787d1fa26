"""What do plans say, are they right, and what would they do?"""
