"""What people look at: pages of one file, and the pictures on them."""
