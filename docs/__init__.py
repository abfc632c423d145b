"""The documentation, and the programs that make its site and its picture."""
