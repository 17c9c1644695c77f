"""What was found about the labels of a project. `measured` reads the stored figures, `pages` shows those of the whole
project, `people` those of each person, `items` the tasks that more votes would settle; `judgements` shows what stands
behind any figure, found by `behind`; `plots` is what is drawn, `words` the sentences. Nothing is computed here."""
