"""What the mini teacher is taught beside answering tasks: all that distillation methods ask of a teacher, a file for each sort.

Every lesson is put by the very template a method asks with, so that the small teacher answers the methods as they ship.
`asking`, `attempts` and `variations` hold what several sorts are made of; `catalogue` has all skills by name.
"""
