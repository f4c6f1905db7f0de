"""What can be done to an evaluation item on purpose, one change a file: a task goes in, one with the right answer comes out."""
