"""How do fields come to another grid?"""
