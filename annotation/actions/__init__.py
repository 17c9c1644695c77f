"""What changes something, one verb each. Around the queue: `leases` gives tasks out and takes them back; it asks
`seats` who sits there (guidelines confirmed, qualified), `pauses` who is not to go on, `audiences` what is for them,
`waiting` for the ordinary queue and `hidden` for gold, repeats and the qualification set; `orders` draws in which
order the answers are shown, and `slots` holds the hot queries of all of these.

Around what was said: `exclusions` takes judgements out of figures and releases and puts them back, `adaptive` asks
more people where the first ones leave it open, `alerts` notices what the admins should know, `deliveries` tells
them."""
