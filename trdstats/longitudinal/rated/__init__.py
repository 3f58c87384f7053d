"""What models of outcomes rated repeatedly share: effects, means by cell and their comparisons."""
