"""The task family text classification: an encoder with exits, its steps from fine-tuning to the comparison with the champion."""
