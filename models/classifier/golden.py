"""A few calls on which every loaded bundle proves itself: Unicode, unseen words, missing fields, an empty note."""

from datetime import UTC, datetime

from models.call import Answer, Call, CallerParty, Source

GOLDEN_CALLS: tuple[Call, ...] = (
    Call(narrative=""),
    Call(narrative="zzxqj vrrmpf"),
    Call(narrative="male asleep in doorway of store refusing to leave, mgr wants him moved along"),
    Call(narrative="MALE WALKING IN ROADWAY TALKING TO HIMSELF NO SHIRT", call_type="Mental Subject"),
    Call(narrative="niño llorando, no quiere hablar — vecino preocupado", language="es-MX"),
    Call(narrative="ｆｕｌｌ ｗｉｄｔｈ note with e\u0301 and \u200bzero width", call_type="未知"),
    Call(narrative="0" * 300 + " " + "a " * 500),
    Call(
        narrative="rp adv friend texted goodbye, not answering, states wants to die, no plan",
        call_type="Suicide Threat",
        received_at=datetime(2026, 3, 1, 3, 12, tzinfo=UTC),
        priority="1",
        source=Source.EMERGENCY,
        zone="D3",
        caller_party=CallerParty.THIRD,
        language="en",
        calls_24h=35,
        calls_30d=120,
        premise_hazard=False,
        weapons_answer=Answer.NONE,
        violence_answer=Answer.NONE,
        medical_answer=Answer.UNKNOWN,
    ),
)
