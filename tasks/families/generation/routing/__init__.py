"""What a decoder's router is calibrated with: trials of all paths, their costs, drafts, phrases, ladders and the bundle."""
