"""Duty rosters for residents: checked input, a roster within the ACGME's duty hours, and what it is worth."""
