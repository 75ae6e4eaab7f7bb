"""A task family of a test: questions and their topics, told by their words. One folder, and no file elsewhere knows of it."""
