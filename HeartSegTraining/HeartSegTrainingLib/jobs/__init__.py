"""Jobs: the folder in which a run lives, and what starts, lists, stops and resumes runs."""
