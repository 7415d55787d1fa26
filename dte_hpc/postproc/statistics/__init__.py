"""What do the samples of a variable come to, over windows of time?"""
