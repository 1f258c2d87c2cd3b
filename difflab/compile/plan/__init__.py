"""What a program is going to do, before a line of it is written: regions, updates, buffers and their lifetimes."""
