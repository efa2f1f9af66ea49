"""What `make fuzz` feeds: for each parser a function of bytes that may raise nothing but its package's own errors."""
