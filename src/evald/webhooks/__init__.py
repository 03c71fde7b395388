"""Tell others how runs end: sign what the store holds for them, send it, and note what became of it."""
