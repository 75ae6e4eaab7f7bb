"""Has the data moved away from what the champion was made of, and what is to be done: nothing, recalibrate or retrain."""
