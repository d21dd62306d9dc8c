"""What looks after a table: what it holds in numbers, whether it is sound, what can go, and other forms of it."""
