"""For reviewers: `pages` has the addresses, `listing` what needs a look, `task` one task and all that was said of it,
`people` how each person works, `words` what was said in letters and words."""
