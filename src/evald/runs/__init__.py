"""The product: create, carry_out, one_item, finish, cancel. Start reading here."""
