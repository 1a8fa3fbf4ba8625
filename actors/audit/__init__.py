"""Does everybody agree? Compares what the database says with what every room and every node really holds."""
