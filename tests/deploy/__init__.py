"""What is in deploy/ does what it says."""
