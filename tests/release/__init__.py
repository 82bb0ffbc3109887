"""What is released works where nothing but it is installed."""
