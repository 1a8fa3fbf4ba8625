"""What Nova passed on to networks and block storage for its older clients: thin, in its form, ended where it was."""
