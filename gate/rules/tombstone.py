"""What is left of an erased contact or address: a salted hash under which its suppressions survive."""

from hashlib import blake2b

from gate.rules.model import Subject

SALT_BYTES = 16


def tombstone(subject: Subject, salt: bytes) -> Subject:
    """Return the subject that stands for an erased one. Nobody can tell whom, without trying everybody."""
    parts = "".join(f"{len(part)}:{part}" for part in subject).encode("utf-8", "surrogatepass")
    return Subject(subject.location_id, "tombstone", blake2b(parts, digest_size=16, salt=salt).hexdigest())
