"""Keep the index behind the items table: it follows the output items that are saved."""
