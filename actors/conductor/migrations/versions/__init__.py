"""One module a version of the schema, oldest first by number; each is written out and never changed afterwards."""
