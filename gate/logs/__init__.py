"""What the gate tells its operator: each line is in the catalogue, none holds a body, a token or a whole address."""
