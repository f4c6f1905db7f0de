"""Where tasks come from. Each source is what a recipe says of it, and yields tasks with their split decided."""
