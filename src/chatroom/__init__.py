"""A gRPC chat room service and a laboratory for bidirectional streams."""
