"""What people are told of runs that nobody watches."""
