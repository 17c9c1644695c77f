"""What there is to know about the Ostrel, a home weather station that does not exist. All texts are our own."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Topic:
    """One thing that customers ask about: the part, what goes wrong with it, and the steps that put it right."""

    key: str
    part: str
    troubles: tuple[str, str, str]
    steps: tuple[str, str, str]


TOPICS = (
    Topic(
        key="rain",
        part="rain cup",
        troubles=("stays at zero in the rain", "counts no rain", "shows a dry day when it pours"),
        steps=("lift the rain cup off the mast", "rinse the mesh", "set it back until it clicks"),
    ),
    Topic(
        key="wind",
        part="wind wheel",
        troubles=("does not turn", "stands still in a storm", "turns but shows no wind"),
        steps=("pull the wind wheel up", "wipe the shaft dry", "press it down with the mark to the front"),
    ),
    Topic(
        key="vane",
        part="wind vane",
        troubles=("points the wrong way", "says north all day", "jumps from east to west"),
        steps=("turn the wind vane to north", "hold the side key for five seconds", "let go at the green light"),
    ),
    Topic(
        key="battery",
        part="battery",
        troubles=("is empty after a day", "does not charge", "drains far too fast"),
        steps=("open the lower lid", "take the battery out for one minute", "put it back with plus on top"),
    ),
    Topic(
        key="solar",
        part="solar cap",
        troubles=("gives no power", "does not load in the sun", "looks grey and weak"),
        steps=("wipe the solar cap with a soft cloth", "turn it to the south", "wait for one hour of light"),
    ),
    Topic(
        key="screen",
        part="base screen",
        troubles=("is blank", "flickers at night", "is too dark to read"),
        steps=("unplug the base screen", "wait for ten seconds", "plug it in and press the wheel"),
    ),
    Topic(
        key="radio",
        part="radio link",
        troubles=("drops every hour", "cannot find the mast", "is lost behind a wall"),
        steps=("move the base within ten metres", "press the link key on both sides", "wait for three beeps"),
    ),
    Topic(
        key="wifi",
        part="home network",
        troubles=("is not found by the base", "asks for the password again", "was changed last week"),
        steps=("open the network page on the base", "choose your home network", "type the password and save"),
    ),
    Topic(
        key="app",
        part="phone app",
        troubles=("shows old numbers", "closes by itself", "does not see my station"),
        steps=("close the phone app", "check for a new version in the store", "open it and pull the page down"),
    ),
    Topic(
        key="account",
        part="account",
        troubles=("is locked", "does not know my mail address", "refuses my password"),
        steps=("open the sign in page", "choose new password", "follow the link in the mail within a day"),
    ),
    Topic(
        key="heat",
        part="heat probe",
        troubles=("reads ten degrees too much", "is far too warm at noon", "never goes below zero"),
        steps=("move the heat probe into the shade", "keep it one metre from the wall", "wait for half an hour"),
    ),
    Topic(
        key="damp",
        part="damp probe",
        troubles=("says a hundred percent all day", "reads too dry", "shows two dashes"),
        steps=("unscrew the damp probe", "dry it at room heat for a night", "screw it in by hand"),
    ),
    Topic(
        key="pressure",
        part="pressure box",
        troubles=("does not agree with the airport", "is always too low", "falls when I go upstairs"),
        steps=("look up your height above the sea", "enter it under pressure box", "restart the base"),
    ),
    Topic(
        key="snow",
        part="snow ruler",
        troubles=("sees snow in summer", "misses fresh snow", "shows a wrong depth"),
        steps=("clear the ground under the snow ruler", "choose set to zero", "check that no branch is below"),
    ),
    Topic(
        key="clock",
        part="clock",
        troubles=("is one hour off", "jumps back at night", "shows the wrong day"),
        steps=("open the clock page", "choose your town", "switch summer time to automatic"),
    ),
    Topic(
        key="alarm",
        part="frost alarm",
        troubles=("rings for nothing", "stays silent in frost", "wakes us at four"),
        steps=("open the frost alarm page", "set the limit to one degree", "choose the hours when it may ring"),
    ),
    Topic(
        key="history",
        part="history chart",
        troubles=("has a gap of a week", "begins only yesterday", "lost last year"),
        steps=("put the memory card into the base", "choose read history", "wait until the bar is full"),
    ),
    Topic(
        key="card",
        part="memory card",
        troubles=("is not read", "is full", "makes an error four"),
        steps=("save the memory card on a computer", "choose format on the base", "push it in with the label up"),
    ),
    Topic(
        key="update",
        part="update",
        troubles=("stops at half", "fails every time", "is offered again and again"),
        steps=("connect the base to mains power", "keep the update page open", "do not press a key for ten minutes"),
    ),
    Topic(
        key="mast",
        part="mast",
        troubles=("leans to one side", "shakes in the wind", "came loose"),
        steps=("loosen the two bolts of the mast", "set it upright with the bubble", "tighten both bolts in turn"),
    ),
    Topic(
        key="uv",
        part="sun sensor",
        troubles=("shows zero at noon", "reads strong sun at night", "is stuck at eleven"),
        steps=("clean the dome of the sun sensor", "shade it for a minute", "choose learn dark on the base"),
    ),
    Topic(
        key="lamp",
        part="status lamp",
        troubles=("blinks red", "is off", "glows orange since morning"),
        steps=("count the blinks of the status lamp", "press the reset pin once", "send us the count if it returns"),
    ),
    Topic(
        key="sharing",
        part="shared page",
        troubles=("is empty for my friends", "shows my street", "cannot be opened"),
        steps=("open the shared page settings", "choose town only", "send the new link to your friends"),
    ),
    Topic(
        key="units",
        part="units",
        troubles=("are in feet", "changed to inches", "differ on base and phone"),
        steps=("open the units page", "choose metric", "press save for all devices"),
    ),
    Topic(
        key="refund",
        part="refund",
        troubles=("has not come", "is too small", "went to an old bank account"),
        steps=("find the order number in your mail", "open the refund form", "enter it with your bank account"),
    ),
    Topic(
        key="delivery",
        part="parcel",
        troubles=("is late", "went to the wrong door", "arrived open"),
        steps=("open the parcel tracker", "enter the code of your parcel", "choose report a problem"),
    ),
    Topic(
        key="warranty",
        part="warranty",
        troubles=("cannot be found", "ends this month", "is in another name"),
        steps=("read the number under the base", "open the warranty page", "add the number and the day of sale"),
    ),
    Topic(
        key="roof",
        part="roof bracket",
        troubles=("does not fit our tiles", "misses a screw", "lets water in"),
        steps=("measure the roof bracket gap", "choose the wide plate", "seal every screw with the grey ring"),
    ),
    Topic(
        key="garden",
        part="soil spike",
        troubles=("says the bed is dry after rain", "shows no number", "was cut by the mower"),
        steps=("pull the soil spike out", "wash it with clean water", "push it back to the red line"),
    ),
    Topic(
        key="pool",
        part="pool float",
        troubles=("lost its signal", "shows cold water", "fills with water"),
        steps=("take the pool float out", "dry the ring and grease it", "close the cap until it stops"),
    ),
    Topic(
        key="voice",
        part="voice reader",
        troubles=("speaks another language", "is too loud", "reads the wrong town"),
        steps=("say open voice settings", "choose the language and the town", "turn the wheel to set the sound"),
    ),
    Topic(
        key="sale",
        part="old station",
        troubles=("is sold and still in my list", "should go to my sister", "sends me mails"),
        steps=("open the list of stations", "choose remove beside it", "hand over the box and its code"),
    ),
)
