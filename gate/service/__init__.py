"""Use cases: check whether to send, record what happened. They know no gRPC."""
