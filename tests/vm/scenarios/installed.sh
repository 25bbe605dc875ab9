# The package comes to a running machine, which is kept: others go on from there.
# releases: sid
# kept

phase_installed() {
    succeeds "dnf installs the package" dnf -y install virt-privileges
}
