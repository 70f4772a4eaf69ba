"""The contract's services: read the request, ask the use case, write the response. One set for every transport."""
