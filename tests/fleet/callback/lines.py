"""Prints a line of JSON for each task that was run: of which play and host, what it is called, whether it changed
something, and its result."""
import json

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "lines"

    def v2_playbook_on_play_start(self, play):
        self.play = play.get_name()

    def v2_runner_on_ok(self, result):
        task = {
            "play": self.play,
            "host": result._host.get_name(),
            "task": result._task.get_name().split(" : ")[-1],
            "changed": bool(result._result.get("changed")),
            "result": result._result,
        }
        print(json.dumps(task, default=str))

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.v2_runner_on_ok(result)

    v2_runner_on_unreachable = v2_runner_on_ok
