"""What the visit schedule does to onset."""
