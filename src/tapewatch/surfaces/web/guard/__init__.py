"""What every request passes before a route sees it: address, origin, token, size, time; and the headers every answer carries."""
