"""Which fields answer a request, and where are their bytes?"""
