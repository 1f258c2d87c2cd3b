"""What the text of a program calls while it runs."""
