"""The demonstration: example programs, a provider that replays, and a receiver that prints what arrives."""
