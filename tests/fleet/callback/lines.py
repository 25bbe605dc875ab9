"""Prints a line of JSON for each task that was run: what it is called, whether it changed something, and its result."""
import json

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "lines"

    def print(self, result):
        name = result._task.get_name().split(" : ")[-1]
        print(json.dumps({"task": name, "changed": bool(result._result.get("changed")), "result": result._result}, default=str))

    v2_runner_on_ok = print

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.print(result)
