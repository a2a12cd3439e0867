"""The records of the HTTP interface, for its description (``/openapi.json``) and for strict reading of questions."""
