"""The codecs room."""
