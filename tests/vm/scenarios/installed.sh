# The package comes to a running machine, which is kept: others go on from there.
# kept

phase_installed() {
    succeeds "dnf installs the package" dnf -y install virt-privileges
}
