"""The database schema as numbered migrations; the number of the last one applied is `PRAGMA user_version`."""

from typing import Final

APPLICATION_ID: Final = 0x53474154
"""'SGAT' in ASCII, in the file's header: tells a gate's database from any other."""

MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (
        # What happened, what it did, and how it was answered; `seq` is the revision. Nothing is ever updated.
        """
        CREATE TABLE event (
            seq         INTEGER PRIMARY KEY,
            location_id TEXT NOT NULL,
            provider    TEXT NOT NULL,
            event_id    TEXT NOT NULL,
            contact_id  TEXT NOT NULL,
            address     TEXT NOT NULL,
            occur_time  INTEGER,          -- ns since 1970 as the event stated it, null where it did not
            record_time INTEGER NOT NULL, -- ns since 1970
            kind        TEXT NOT NULL,
            detail      TEXT NOT NULL,    -- JSON object
            effects     TEXT NOT NULL,    -- JSON [suppressions, links, ...]; replaying them rebuilds the state
            answer      TEXT NOT NULL     -- JSON [outcome, set, lifted, status, seq]
        ) STRICT
        """,
        "CREATE UNIQUE INDEX event_key ON event (location_id, provider, event_id)",
        # The state: latest set and lift of each (subject, channel or ALL, cause); -1 for never.
        """
        CREATE TABLE suppression (
            location_id   TEXT NOT NULL,
            subject_kind  TEXT NOT NULL,
            subject_id    TEXT NOT NULL,
            channel       TEXT NOT NULL,
            cause         TEXT NOT NULL,
            set_time      INTEGER NOT NULL,
            lift_time     INTEGER NOT NULL,
            provider_code TEXT NOT NULL,
            event_id      TEXT NOT NULL,
            PRIMARY KEY (location_id, subject_kind, subject_id, channel, cause)
        ) STRICT, WITHOUT ROWID
        """,
        # Which addresses a contact uses or ever used; -1 for never.
        """
        CREATE TABLE link (
            location_id   TEXT NOT NULL,
            contact_id    TEXT NOT NULL,
            address       TEXT NOT NULL,
            linked_time   INTEGER NOT NULL,
            unlinked_time INTEGER NOT NULL,
            PRIMARY KEY (location_id, contact_id, address)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX link_by_address ON link (location_id, address)",
    ),
)
