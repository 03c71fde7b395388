"""An eval as other tools run it: promptfoo and Inspect. Pure: objects of the API in, files out."""
