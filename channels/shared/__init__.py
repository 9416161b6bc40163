"""What several providers' formats share."""
