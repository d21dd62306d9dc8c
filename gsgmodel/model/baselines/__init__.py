"""The systems that the paper compares with, a file each."""
