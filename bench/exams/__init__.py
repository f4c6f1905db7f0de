"""What the mini teacher was taught, put to it anew and graded by what each skill is for; a file for each sort of skill."""
