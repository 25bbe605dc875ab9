"""A package manager that has one package, the files of which are below /var/lib/package."""
import os
import shutil

from ansible.module_utils.basic import AnsibleModule

module = AnsibleModule(
    argument_spec={
        "name": {"type": "list", "elements": "str", "choices": ["virt-privileges"]},
        "state": {"choices": ["present"]},
    },
    supports_check_mode=True,
)
missing = not os.path.exists("/usr/bin/virt-priv-conf")
if missing and not module.check_mode:
    shutil.copytree("/var/lib/package", "/", dirs_exist_ok=True)
module.exit_json(changed=missing)
