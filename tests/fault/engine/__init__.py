"""What disturbs a program at each of its system calls, and tells what it left.

A program of tests/fault is a scenario: which command is disturbed how, and what must hold then. The rest
is here, in the order in which it is used:

  machine   namespaces of mounts and processes, file systems, boots: where the command runs
  command   runs it, undisturbed or under at-call (tests/lib/at-call.c), and says how it ended
  trace     the system calls that it makes undisturbed
  points    which of them are disturbed, how, and on which processor
  files     what a file is, to be compared or put back
  device    a disk whose power goes
  outcome   what came of each point, and the report of all of them
"""
