"""Webhooks of messaging providers to events of the contract, and the small HTTP server that takes them."""
