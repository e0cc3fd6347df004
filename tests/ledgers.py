"""Ledgers for tests: keys, empty ledgers, entries, and changes made behind the ledger's back."""

from cryptography.fernet import Fernet

from models.ledger import Ledger, NoteEncryption, key_file_of

HASH_KEY = b"k" * 32
NOTE_KEY = Fernet.generate_key()
ENCRYPTION = NoteEncryption(HASH_KEY, NOTE_KEY)


def sqlite_url(folder):
    """Return the URL of a ledger in a folder."""
    return f"sqlite:///{folder / 'ledger.db'}"


def created(place, **options):
    """Return a new ledger, by its URL or by the folder it goes to."""
    url = place if isinstance(place, str) else sqlite_url(place)
    return Ledger.create(url, encryption=options.pop("encryption", ENCRYPTION), **options)


def opened(place, **options):
    """Return a ledger that exists, by its URL or by its folder."""
    url = place if isinstance(place, str) else sqlite_url(place)
    return Ledger(url, encryption=options.pop("encryption", ENCRYPTION), **options)


def fill(ledger, count, *, start=0, **more):
    """Append some decisions and wait until they are durable."""
    numbers = range(start, start + count)
    futures = [ledger.append("decision", {"decision_id": f"d{number}", "n": number} | more) for number in numbers]
    return [future.result(20) for future in futures]


def change(ledger, *statements, rearm=True):
    """Change the database as one would who owns the machine: take the triggers away, and put them back."""
    from models.ledger.schema import APPEND_ONLY, NO_REPLACE  # noqa: PLC0415

    with ledger._engine.begin() as connection:
        sqlite = connection.dialect.name == "sqlite"
        triggers = APPEND_ONLY["sqlite"] | NO_REPLACE["sqlite"]
        for statement in (
            [f"DROP TRIGGER {name}" for name in triggers] if sqlite else ["ALTER TABLE entries DISABLE TRIGGER ALL"]
        ):
            connection.exec_driver_sql(statement)
        for statement in statements:
            connection.exec_driver_sql(statement)
        if rearm:
            for statement in triggers.values() if sqlite else ["ALTER TABLE entries ENABLE TRIGGER ALL"]:
                connection.exec_driver_sql(statement)


def prepared(url, anchor=None):
    """Create a ledger with its key beside it, as `heartline ledger create` does, and return its URL."""
    Ledger.create(url, encryption=NoteEncryption.from_environment(key_file_of(url), create=True), anchor=anchor).close()
    return url


def of_service(url, anchor=None):
    """Open the ledger of a service, with the service's own key, for reading."""
    return Ledger(url, encryption=NoteEncryption.from_environment(key_file_of(url)), anchor=anchor, read_only=True)
