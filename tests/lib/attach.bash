# shellcheck shell=bash
# Loop devices, of which the machine has one set for all suites that run at once: who detaches one a second time
# detaches what another suite has attached to it meanwhile. Each attachment has a number of its own (diskseq).

declare -gA attachments=()

# attach FILE [OPTION]...: $node is a loop device over the file.
attach() {
    node=$(losetup -f --show "${@:2}" "$1")
    attachments[$node]=$(cat "/sys/block/${node##*/}/diskseq")
}

# detach NODE: what attach() has attached there, unless it went already, with a mount or by an earlier call.
detach() {
    [[ -z ${attachments[$1]-} || $(cat "/sys/block/${1##*/}/diskseq") != "${attachments[$1]}" ]] || losetup -d "$1"
}

# detach_all: all that attach() has attached.
detach_all() {
    local device
    for device in "${!attachments[@]}"; do
        detach "$device" 2>/dev/null || true
    done
    attachments=()
}
