"""What QEMU is asked, of a machine that tests/vm/machine runs."""
import json
import socket
import sys


def give_up(text):
    """Says so in the report, and ends."""
    print(f"not ok - {text}")
    sys.exit(1)


class Monitor:
    """with Monitor(FOLDER) as ask: ask("COMMAND", argument=value...) returns the answer; a refusal ends the program."""

    def __init__(self, folder):
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.connect(folder + "/qmp")
        self.stream = self.connection.makefile("rw")

    def __enter__(self):
        self.stream.readline()
        self.ask("qmp_capabilities")
        return self.ask

    def __exit__(self, *_):
        self.stream.close()
        self.connection.close()

    def ask(self, command, **arguments):
        self.stream.write(json.dumps({"execute": command, "arguments": arguments}))
        self.stream.flush()
        while "return" not in (answer := json.loads(self.stream.readline())):
            if "error" in answer:
                give_up(f"{command}: {answer['error']['desc']}")
        return answer["return"]
