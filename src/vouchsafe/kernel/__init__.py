"""Records: what is written down, who may change it, who signed it, and the trail of all that."""
