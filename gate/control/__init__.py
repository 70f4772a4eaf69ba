"""The grpc.aio server: the library's own HTTP/2, for everything that the contract has."""
