"""The gate that every outbound message passes."""
