"""For reviewers: `pages` has the addresses, `listing` what needs a look, `task` one task and all that was said of it,
`words` what was said in letters and words. How people work is told in `views/quality`."""
