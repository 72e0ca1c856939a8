"""The ledger of claims: what the reports say, what it is held to, what the recorded runs show."""
