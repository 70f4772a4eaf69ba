"""The gate that every outbound message passes."""

__version__ = "0.1.0"
