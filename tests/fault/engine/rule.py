"""What must hold of a program that changes nothing, as refuse-calls asks for it."""


class Rule:
    """What must hold."""
    to_exec, with_terminal = False, False  # the command becomes another one; it is given a terminal
    calls = ()  # those that are disturbed, if not all

    def begin(self):
        """Before each run."""
