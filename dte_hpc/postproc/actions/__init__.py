"""What may become of one field?"""
