"""What makes a model of 270 million parameters useful: what it is shown, and what it may say."""
