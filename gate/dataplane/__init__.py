"""The data plane's own transport: gRPC over HTTP/2 on asyncio, in plain Python. `connection` has its theory."""
