"""Field safety corrective action, recall, correction, removal, advisory notice."""
