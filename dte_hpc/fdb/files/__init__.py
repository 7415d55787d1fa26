"""What are the bytes of a database, and who reads and writes them?"""
