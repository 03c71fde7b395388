"""What each command is called, takes and says in its help.

What it does is imported only when it runs, so that `evald --help` is quick.
"""
