"""What a call is: streams and methods, in every protocol."""
