"""The student: its tokens, and its training in a process of its own."""
