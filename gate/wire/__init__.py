"""The contract's messages to the rules' values and back, with every field checked by hand and by name."""
