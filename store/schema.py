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
    (
        # Acts of people stand in the log too: who did it; empty for events, which their provider reports.
        "ALTER TABLE event ADD COLUMN actor TEXT NOT NULL DEFAULT ''",
        # The history of a contact: what names it, and what names only an address that it uses.
        "CREATE INDEX event_by_contact ON event (location_id, contact_id, seq) WHERE contact_id <> ''",
        "CREATE INDEX event_by_address ON event (location_id, address, seq) WHERE contact_id = ''",
        # Which channels a location registered; -1 for never.
        """
        CREATE TABLE connection (
            location_id       TEXT NOT NULL,
            channel           TEXT NOT NULL,
            connected_time    INTEGER NOT NULL,
            disconnected_time INTEGER NOT NULL,
            PRIMARY KEY (location_id, channel)
        ) STRICT, WITHOUT ROWID
        """,
        # Opt-in evidence and what support made of it; `place` is the order of submission, -1 means not decided.
        """
        CREATE TABLE review (
            place                INTEGER PRIMARY KEY,
            review_id            TEXT NOT NULL UNIQUE,
            location_id          TEXT NOT NULL,
            contact_id           TEXT NOT NULL,
            channel              TEXT NOT NULL,
            relationship_numbers TEXT NOT NULL, -- JSON array
            recording_uri        TEXT NOT NULL,
            note                 TEXT NOT NULL,
            submit_time          INTEGER NOT NULL,
            submitter            TEXT NOT NULL,
            state                TEXT NOT NULL,
            decide_time          INTEGER NOT NULL,
            decider              TEXT NOT NULL,
            decision_note        TEXT NOT NULL
        ) STRICT
        """,
        "CREATE INDEX review_by_location ON review (location_id, place)",
        # Events that may be opt-outs, by their place in the log, and what a person made of them.
        """
        CREATE TABLE phrase (
            seq         INTEGER PRIMARY KEY,
            location_id TEXT NOT NULL,
            channel     TEXT NOT NULL,
            occur_time  INTEGER NOT NULL, -- as the gate dated it, where the event stated none
            state       TEXT NOT NULL,
            decide_time INTEGER NOT NULL,
            decider     TEXT NOT NULL
        ) STRICT
        """,
        "CREATE INDEX phrase_by_location ON phrase (location_id, seq)",
        # With what erased contacts and addresses were hashed; empty until the first is erased.
        "CREATE TABLE salt (salt BLOB PRIMARY KEY) STRICT, WITHOUT ROWID",
    ),
)
