"""What a run says of itself: one query a number, and one page for people."""
