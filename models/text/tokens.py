"""The words of a normalised note, each with its place: for the phrases of the veto, and for the classifier.

`phrase_tokens` keeps every word as it stands. `model_words` hides what a person is, because that must not decide: words for
a sex are read as one word for a person, a relation or "they", words for a race are left out, and street names are read as
"street", so that swapping any of them cannot move a score. Numbers are hidden too.
"""

import re
from functools import lru_cache
from typing import NamedTuple

# Words and emoji; a point or dash only where digits make it part of a code or a calibre (10-32, .45, 273.5).
PHRASE_TOKEN = re.compile(r"[a-z0-9]+|(?<=[0-9])[-.:](?=[0-9])|(?<![a-z0-9])\.(?=[0-9])|[^\x00-\x7f\s]")
_MODEL_WORD = re.compile(
    r"\d\d?:\d\d(?::\d\d)?|\d{4}-\d\d-\d\d|\d\d?/\d\d?/\d\d(?:\d\d)?|\[[a-z]+\]|[a-z0-9]+(?:'[a-z]+)?|[^\x00-\x7f]"
)
_SAME = {
    "they": "he she", "them": "him his her hers their theirs", "themself": "himself herself themselves hisself theirself",
    "they're": "he's she's", "they'll": "he'll she'll", "they've": "they'd he'd she'd",
    "person": "male female man woman men women males females guy guys lady ladies gentleman gentlemen m f wm wf bm bf hm hf "
    "subject subjects subj subjs subjects' person persons individual individuals dude gal",
    "child": "boy girl boys girls son daughter sons daughters stepson stepdaughter child children kid kids",
    "parent": "father mother dad mom mum mother's father's mom's dad's stepfather stepmother parent parents",
    "spouse": "husband wife spouse husband's wife's", "sibling": "brother sister brothers sisters sibling",
    "partner": "boyfriend girlfriend boyfriend's girlfriend's partner gf", "relative": "uncle aunt niece nephew relative",
    "grandparent": "grandmother grandfather grandma grandpa grandparent", "grandchild": "grandson granddaughter grandchild",
}  # fmt: skip
NEUTRAL = frozenset({*_SAME, "street"})
_READ_AS = {word: neutral for neutral, words in _SAME.items() for word in words.split()}
_RACE = frozenset(
    "black white hispanic asian latino latina latinx caucasian african american arab indian mexican native".split()
)
_RACE_LETTERS = frozenset("wbhai")
_STREET = frozenset("st str street ave av avenue rd road dr ln blvd boulevard ct cir pkwy hwy ter trl pl".split())
_BEFORE_STREET = frozenset("at on near of to by from and in along off down toward towards 0".split())
_NO_STREET = frozenset("a an the them my this that in of to from people out middle busy across walking it is".split())
_LONGEST_STREET = 3
# Verbs whose ending is often written as it is said.
_CLIPPED = frozenset(
    "talkin drinkin cryin yellin screamin actin sleepin walkin sittin standin goin doin tryin askin havin lookin gettin "
    "sayin tellin livin stayin wantin needin hearin seein callin comin leavin beggin cussin hollerin arguin runnin layin "
    "laughin knockin hangin bangin botherin wanderin mumblin refusin bein feelin thinkin eatin smokin usin".split()
)

# What call-takers shorten, by the word that the classifier counts for it.
_SHORTENED = {
    "about": "abt",
    "address": "addr adrs",
    "adult": "adlt",
    "advised": "adv advd advsd",
    "after": "aft aftr",
    "alcohol": "etoh alc",
    "ambulance": "amb ambo",
    "answer": "ans answr",
    "answers": "answrs ansrs",
    "apartment": "apt apts aprt",
    "approximately": "approx aprx",
    "argument": "argmt argumnt",
    "around": "arnd aroun",
    "asleep": "aslp",
    "assistance": "asst",
    "bathroom": "bthrm bathrm",
    "because": "bc cuz becuz coz",
    "before": "bfr",
    "behind": "bhnd",
    "between": "btwn btw",
    "blanket": "blnkt",
    "breathing": "brthng brth",
    "building": "bldg bld bldng",
    "business": "biz busn",
    "called": "calld",
    "caller": "clr callr cllr",
    "check": "chk",
    "complainant": "compl cmplnt complt",
    "confused": "confsd",
    "contact": "cntct",
    "crying": "cryng",
    "customer": "cust custmr",
    "customers": "custs",
    "days": "dys",
    "disoriented": "disor disorientd",
    "disturbance": "distrb disturbnce",
    "downstairs": "dwnstrs",
    "driver": "drvr",
    "elderly": "eld eldrly",
    "emergency": "emerg emrg",
    "employee": "emp empl emplee",
    "friend": "frnd",
    "from": "frm",
    "front": "frt frnt",
    "group": "grp",
    "hallway": "hallwy hlwy",
    "help": "hlp",
    "history": "hx hist",
    "homeless": "hmls homelss",
    "hospital": "hosp hsp",
    "hotel": "htl",
    "hour": "hr",
    "hours": "hrs",
    "information": "info",
    "inside": "insd",
    "intoxicated": "intox intoxd hbd",
    "juvenile": "juv juvs juvy",
    "laying": "layng",
    "leave": "lv leav",
    "license": "lic",
    "light": "lite",
    "lobby": "lby",
    "location": "locn",
    "manager": "mgr mngr",
    "medications": "meds",
    "mental": "mntl",
    "message": "msg",
    "messages": "msgs",
    "minutes": "mins",
    "morning": "mrng",
    "motel": "mtl",
    "needs": "nds",
    "neighbor": "neigh neighb nbr neighbour ngbr",
    "night": "nite nght",
    "nobody": "nobdy",
    "number": "num nmbr",
    "officer": "ofc ofcr offcr",
    "old": "yoa",
    "outside": "outsd otsd",
    "over": "ovr",
    "parking": "pkg prkg",
    "passenger": "passngr psgr",
    "pedestrian": "ped peds",
    "people": "peopl ppls",
    "person": "fem femle mle indiv",
    "phone": "ph phn",
    "physical": "phys physcl",
    "possible": "poss possbl psbl",
    "posted": "postd",
    "refused": "refd rfsd",
    "refuses": "rfses",
    "refusing": "refng rfsng",
    "requesting": "reqng rqsting",
    "requests": "req reqs rqst reqst",
    "residence": "resid",
    "restroom": "rr restrm",
    "roommate": "rmmt rmmte roomate",
    "screaming": "scrmng",
    "security": "secur",
    "shelter": "shltr sheltr",
    "sidewalk": "sdwlk sidewlk",
    "sitting": "sitng",
    "sleeping": "slpng slpg",
    "somebody": "somebdy",
    "someone": "somone",
    "something": "smthng",
    "stairwell": "strwll",
    "standing": "stndg",
    "states": "sts stts",
    "street": "strt",
    "suicidal": "suic suicdl",
    "suicide": "suicd",
    "suspect": "susp suspt",
    "talking": "tlkng",
    "though": "tho",
    "threat": "thrt thrtn",
    "threatening": "thrtng",
    "threats": "thrts threts",
    "through": "thru",
    "tonight": "tonite",
    "transferred": "xfer xfrd xferd",
    "transient": "transnt",
    "trespassing": "tresp",
    "unconscious": "uncon unc unconc uncns",
    "unknown": "unk unkn unknwn",
    "unresponsive": "unresp",
    "upstairs": "upstrs",
    "vehicle": "veh vehcl vhcl",
    "vehicles": "vehs",
    "verbal": "vrbl",
    "victim": "vic vict",
    "walking": "wlkng wlkg",
    "wants": "wnts",
    "weapons": "wpns weps",
    "wearing": "wrg wrng",
    "weeks": "wks wk",
    "welfare": "wlfr",
    "with": "wth",
    "witness": "wits",
    "year": "yr",
    "years": "yrs",
    "yelling": "ylng",
    "yesterday": "yest ystrdy",
}
_SPELLED_OUT = {short: word for word, shorts in _SHORTENED.items() for short in shorts.split()}
_PLAIN = _SPELLED_OUT | {word: f"{word}g" for word in _CLIPPED} | _READ_AS
_NG = re.compile(r"[a-z]{2,}[bcdfghjklmnpqrstvwxz]ng")  # "yellng", "sleepng": no English word ends so


class Word(NamedTuple):
    """A word and the place in the normalised note that it was read from, end exclusive."""

    text: str
    start: int
    end: int


def phrase_tokens(text: str) -> tuple[str, ...]:
    """Return the tokens of normalised text, as the phrases of the veto are written.

    >>> phrase_tokens("s/f at 9:30, poss 10-32 w/ .45")
    ('s', 'f', 'at', '9', ':', '30', 'poss', '10', '-', '32', 'w', '.', '45')
    """
    return tuple(PHRASE_TOKEN.findall(text))


def model_words(normalised: str) -> list[Word]:
    """Return the words of a normalised note in their order.

    Numbers other than 911 and 988 become `0`, clock times and dates `0:00`, and masks such as [NAME] one word each, so
    that the model learns from words and not from addresses.

    >>> [word.text for word in model_words("w/m 34 yo talkin to himself at 1402 main st, 10:42, not moving")]
    ['person', '0', 'yo', 'talking', 'to', 'themself', 'at', 'street', '0:00', 'not', 'moving']
    """
    words: list[Word] = []
    for match in _MODEL_WORD.finditer(normalised):
        text = _read(match.group())
        if text in _STREET and (first := _street_starts(words)) is not None:
            words[first:] = [Word("street", words[first].start, match.end())]
        elif text == "person" and words and (words[-1].text == text or words[-1].text in _RACE_LETTERS):
            words[-1] = Word(text, words[-1].start, match.end())
        elif text not in _RACE:
            words.append(Word(text, match.start(), match.end()))
    return words


def words_for_model(normalised: str) -> str:
    """Return the words of a normalised note, joined by spaces.

    >>> words_for_model("rp adv 2 subj at 1402 main st, 10:42, not moving")
    'rp advised 0 person at street 0:00 not moving'
    """
    return " ".join(word.text for word in model_words(normalised))


def _street_starts(words: list[Word]) -> int | None:
    """Return the index of the first word of the street name that ends `words`: after a preposition or a house number."""
    for back in range(1, min(_LONGEST_STREET, len(words) - 1) + 1):
        place = len(words) - back
        if words[place].text in _NO_STREET:
            return None
        before = words[place - 1].text
        if before in _BEFORE_STREET:
            return place - 1 if before == "0" else place
    return None


@lru_cache(maxsize=65_536)
def _read(token: str) -> str:
    """Return the word that the classifier counts for a token."""
    if token in _PLAIN:
        return _PLAIN[token]
    if _NG.fullmatch(token):
        return f"{token[:-2]}ing"
    if token in {"911", "988"} or not any(map(str.isdigit, token)):
        return token
    if ":" in token or "-" in token or "/" in token:
        return "0:00"
    return "0" if token.isdigit() else re.sub(r"\d+", "0", token)
