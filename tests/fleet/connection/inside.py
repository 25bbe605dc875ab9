"""Runs commands in a root, as on a host that has it."""
DOCUMENTATION = """
name: inside
short_description: runs commands in a root
description: The root is a directory of this machine, in which a chroot(2) is enough.
author: virt-privileges
options:
  root:
    description: The directory.
    type: path
    vars: [{name: root}]
"""

import shutil
import subprocess

from ansible.plugins.connection import ConnectionBase

HOST = {
    "PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
    # Units are enabled by their files, as in an image: nothing is started.
    "SYSTEMD_OFFLINE": "1",
    # What was changed is looked at afterwards.
    "PYTHONDONTWRITEBYTECODE": "1",
}


class Connection(ConnectionBase):
    transport = "inside"
    has_pipelining = True

    def _connect(self):
        self._connected = True
        return self

    def exec_command(self, cmd, in_data=None, sudoable=True):
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        command = ["/usr/sbin/chroot", self.get_option("root"), "/bin/sh", "-c", cmd]
        done = subprocess.run(command, input=in_data or b"", capture_output=True, env=HOST, check=False)
        return done.returncode, done.stdout, done.stderr

    def put_file(self, in_path, out_path):
        super().put_file(in_path, out_path)
        shutil.copyfile(in_path, self.get_option("root") + out_path)

    def fetch_file(self, in_path, out_path):
        super().fetch_file(in_path, out_path)
        shutil.copyfile(self.get_option("root") + in_path, out_path)

    def close(self):
        self._connected = False
