"""What is told of runs outside the API's own objects: their output items as tables."""
