# A guest's network card on a tap device in a bridge: its firmware asks for an address, and the
# question arrives at the other end.
# from: installed

mac=52:54:00:76:70:01

phase_wire() {
    for module in tun bridge veth; do
        succeeds "the kernel has $module" modprobe $module
    done
    ip link add br0 type bridge
    ip link add near type veth peer name far
    ip link set near master br0
    for link in br0 near far; do
        ip link set $link up
    done
    mkdir -p /etc/vm
    printf '#!/bin/sh\nexec ip link set "$1" master br0 up\n' >/etc/vm/up
    chmod 0755 /etc/vm/up
    mkdir -p /etc/qemu
    echo 'allow br0' >/etc/qemu/bridge.conf
    listen &
    asks "tap" -netdev tap,id=n,ifname=vmtap0,script=/etc/vm/up,downscript=no
    asks "bridge" -netdev bridge,id=n,br=br0
    is "$(ip -o link show master br0 | wc -l)" 1 "nothing but the wire is left in the bridge"
}

# Writes each question for an address that arrives (DHCP: from port 68 to port 67) to a file.
listen() {
    /usr/bin/python3 -u -c 'import socket
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
wire.bind(("far", 0))
while True:
    frame = wire.recv(2000)
    if frame[23] == 17 and frame[34:38] == b"\0\x44\0\x43":
        print(frame[6:12].hex(":"))' >>/run/questions 3>&-
}

# asks NAME WORD...: a guest with that network device.
asks() {
    local name=$1 qemu
    shift
    : >/run/questions
    virt-priv-run --name "$name" qemu-system-x86_64 -accel kvm -m 64 -nodefaults -no-user-config -display none \
        -serial "file:/run/$name.serial" -boot n "$@" -device "e1000,netdev=n,mac=$mac" </dev/null 3>&- &
    local runner=$!
    within 100 "$name: the guest asks for an address, on the wire" grep -qx "$mac" /run/questions ||
        detail "$(ip -o link show; tail -n 20 "/run/$name.serial")"
    qemu=$(pgrep -P $runner)
    is "$(threads "$qemu" Uid) $(threads "$qemu" CapEff)" "107 107 107 107 0000000000000000" "$name: QEMU has no privilege"
    kill $runner
    wait $runner
    within 10 "$name: QEMU has ended" is_gone "$qemu"
}
