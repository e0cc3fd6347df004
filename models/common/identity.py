"""Who called and from where, as keyed hashes: one way to write a caller, one function, one key, wherever calls enter.

A hash carries a mark and a version (`c1:` for a caller, `a1:` for an address), so that what is hashed already stays so.
Phone numbers are read by libphonenumber, as numbers of the United States where they name no country.
"""

import hashlib
import hmac
import re
import unicodedata

import phonenumbers

_PHONE = re.compile(r"(?:tel:)?[+(]?[\d ().\-/]{7,30}(?: ?(?:x|ext\.?) ?\d{1,6})?", re.IGNORECASE)
_HASHED = re.compile(r"[ca]1:[0-9a-f]{48}")
_FEWEST_DIGITS = 7


def hash_caller(caller: str, *, key: bytes) -> str:
    """Return the keyed hash of a caller, 51 characters: equal for every way to write one phone number or one name.

    A caller that is hashed already is returned as it is.
    """
    return caller if _HASHED.fullmatch(caller) else _hash("c1", normalize_caller(caller), key)


def hash_address(address: str, *, key: bytes) -> str:
    """Return the keyed hash of an address, 51 characters; one that is hashed already is returned as it is."""
    return address if _HASHED.fullmatch(address) else _hash("a1", normalize_address(address), key)


def normalize_caller(caller: str) -> str:
    """Return a caller in one spelling: phone numbers as E.164, names without case and extra spaces.

    >>> normalize_caller("(919) 555-7777"), normalize_caller(" Jane  DOE ")
    ('+19195557777', 'jane doe')
    """
    text = " ".join(unicodedata.normalize("NFKC", caller).casefold().split())
    if not _PHONE.fullmatch(text) or sum(character.isdigit() for character in text) < _FEWEST_DIGITS:
        return text
    try:
        number = phonenumbers.parse(text, "US")
    except phonenumbers.NumberParseException:
        return text
    if not phonenumbers.is_possible_number(number):
        return text
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def normalize_address(address: str) -> str:
    """Return an address in one spelling: without case, punctuation and extra spaces.

    >>> normalize_address("100 Main St.,  Apt #4")
    '100 main st apt 4'
    """
    text = unicodedata.normalize("NFKC", address).casefold()
    return " ".join(re.sub(r"[.,#;]", " ", text).split())


def _hash(mark: str, text: str, key: bytes) -> str:
    """Return a marked hash, keyed for its kind."""
    digest = hmac.new(key, f"heartline:{mark}:{text}".encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
    return f"{mark}:{digest[:48]}"
