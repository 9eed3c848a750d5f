"""What is installed and chosen, what is wrong with it, and the cure."""
