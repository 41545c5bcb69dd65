"""OpenTelemetry for every LLM SDK in Python."""
