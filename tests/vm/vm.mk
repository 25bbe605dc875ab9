# Whole machines; tests/vm/run says how it works.
.PHONY: check-vm vm-shell
check-vm:
	tests/deps vm
	tests/deps browser
	tests/vm/run $(SCENARIOS)

vm-shell:
	tests/deps vm
	tests/vm/shell $(RELEASE)
