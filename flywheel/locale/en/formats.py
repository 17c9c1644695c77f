"""Days and times as pages write them; Django's own English says "Nov. 22, 2026, 4 p.m."."""

DATE_FORMAT = "j F Y"
DATETIME_FORMAT = "j F Y, H:i"
TIME_FORMAT = "H:i"
