"""Who calls: tokens, certificates and the names in them, and what lets connections in. `registry` decides."""
