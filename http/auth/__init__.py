"""Authentication, authorization of origins and hosts, and rate limits."""
