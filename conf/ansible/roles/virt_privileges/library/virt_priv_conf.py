# SPDX-License-Identifier: GPL-2.0-or-later
"""Settings of /etc/libvirt/qemu.conf, by virt-priv-conf, which leaves the rest of the file as it is."""

DOCUMENTATION = r"""
module: virt_priv_conf
short_description: Sets keys of /etc/libvirt/qemu.conf
description:
  - Sets and removes keys of /etc/libvirt/qemu.conf by virt-priv-conf(8), which changes nothing else in the file.
options:
  settings:
    description: Keys and their values. A key whose value is null is removed.
    type: dict
    required: true
  defaults:
    description: Keys and their values, which are set only where neither the file nor settings has one of them.
    type: dict
    default: {}
attributes:
  check_mode: {support: full}
  diff_mode: {support: full}
author: [The virt-privileges maintainers]
"""

EXAMPLES = r"""
- name: QEMU's core dumps are not written
  virt_priv_conf:
    settings:
      max_core: 0
"""

RETURN = r"""
installed:
  description: Whether virt-priv-conf is there, which it may not be in check mode.
  type: bool
  returned: always
changes:
  description: What virt-priv-conf(8) reports, each with file, key, was and value.
  type: list
  returned: always
"""

import json

from ansible.module_utils.basic import AnsibleModule


def literal(value):
    """A value in the syntax of the file."""
    if isinstance(value, list):
        return "[ " + ", ".join(literal(item) for item in value) + " ]" if value else "[ ]"
    if isinstance(value, str):
        return '"' + value + '"'
    return str(int(value))


def word(module, value):
    """A value as virt-priv-conf takes it: without quotes, unless it is in a list."""
    for text in value if isinstance(value, list) else [value]:
        if not isinstance(text, (str, int)) or (isinstance(value, list) and isinstance(text, str) and '"' in text):
            module.fail_json(msg="a setting is a text, a number or a list of these, without quotes: %r" % (value,))
    return value if isinstance(value, str) else literal(value)


def line(key, value):
    return "" if value is None else "%s = %s\n" % (key, literal(value))


class Conf:
    def __init__(self, module):
        self.module = module
        self.program = module.get_bin_path("virt-priv-conf")

    def has(self, key):
        status, _, error = self.module.run_command([self.program, "get", key])
        if status not in (0, 1):
            self.module.fail_json(msg=error.strip())
        return status == 0

    def change(self, key, value, *options):
        """The changes, and what there is to warn of."""
        options = ["--json", *options, key]
        command = ["unset", *options] if value is None else ["set", *options, word(self.module, value)]
        status, output, error = self.module.run_command([self.program] + command)
        if status != 0:
            self.module.fail_json(msg=error.strip(), key=key)
        return json.loads(output)["changes"], error.splitlines()

    def apply(self, settings):
        """The changes of all of them. Where one is refused there are none, for which nobody would restart libvirt."""
        told = {key: self.change(key, value, "--dry-run") for key, value in settings.items()}
        if not self.module.check_mode:
            told.update({key: self.change(key, settings[key]) for key, (changes, _) in told.items() if changes})
        for _, warnings in told.values():
            for text in warnings:
                self.module.warn(text)
        return [change for changes, _ in told.values() for change in changes]


def main():
    module = AnsibleModule(
        argument_spec={"settings": {"type": "dict", "required": True}, "defaults": {"type": "dict", "default": {}}},
        supports_check_mode=True,
    )
    settings, defaults = module.params["settings"], module.params["defaults"]
    conf = Conf(module)
    if not conf.program and not module.check_mode:
        module.fail_json(msg="virt-priv-conf is not installed: install the package virt-privileges")
    if not any(key in settings or (conf.program and conf.has(key)) for key in defaults):
        settings = {**defaults, **settings}
    if not conf.program:
        changes = [{"key": key, "was": None, "value": value} for key, value in settings.items() if value is not None]
    else:
        changes = conf.apply(settings)
    module.exit_json(
        changed=bool(changes),
        installed=bool(conf.program),
        changes=changes,
        diff={
            "before_header": "qemu.conf",
            "after_header": "qemu.conf",
            "before": "".join(line(change["key"], change["was"]) for change in changes),
            "after": "".join(line(change["key"], change["value"]) for change in changes),
        },
    )


if __name__ == "__main__":
    main()
