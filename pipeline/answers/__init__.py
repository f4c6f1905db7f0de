"""Finding and comparing answers, shared by filters and evaluation so that both mean the same by *right*."""
