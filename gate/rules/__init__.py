"""The do-not-disturb rules: plain values and pure functions; no I/O, no clock, no logging, no gRPC."""
