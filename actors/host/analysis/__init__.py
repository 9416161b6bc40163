"""The analysis of customers' messages before their turns: language, sentiment and intent."""
