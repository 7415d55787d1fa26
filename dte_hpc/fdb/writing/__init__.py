"""How do fields become durable and visible?"""
