# What another compiler says of all that is built.

bats_require_minimum_version 1.5.0

@test "clang builds the tools and what tests them without a warning" {
    run -0 make -s -j"$(nproc)" CC=clang WERROR=1 BUILD=build/clang all test-programs replay-programs
}
