"""SQLite behind the gate: one writer, readers in the caller's thread, an append-only event log."""
