# The rooms of tools/lib: what includes what, and how long a file is.

bats_require_minimum_version 1.5.0

@test "the sources keep the rules of the rooms" {
    run -0 tests/lint/includes
    [[ $output =~ ^([0-9]+)\ files,\ no\ problems\ found$ ]]
    [ "${BASH_REMATCH[1]}" -gt 100 ]
}

# What a process may not go on without: the credentials of root, which it has let go of for a moment.
@test "only programs and launch/ end the process" {
    run -0 grep -nE '\b(die|die_errno|die_status|exit|abort|err|errx)\(' -r tools/lib --include='*.[ch]' --exclude-dir=launch
    for line in "${lines[@]}"; do
        case $line in
        tools/lib/base/log.[ch]:*) ;;
        'tools/lib/path/access.c:'*'die_errno("cannot become root again");') ;;
        *:[0-9]*:[/\ ]\**) ;;
        *)
            echo "$line"
            wrong=yes
            ;;
        esac
    done
    [ -z "${wrong-}" ]
}

# A small house that keeps them, in the current directory.
house() {
    cd "$BATS_TEST_TMPDIR" || return
    rm -rf tools
    mkdir -p tools/lib/{base,path,conf,vm}
    header base/text "Text."
    header path/place "Places." base/text
    header path/inner "Private to path/. The inside."
    header conf/conf "Settings." base/text
    header vm/vm "A VM." path/place conf/conf
    source_of base/text base/text
    source_of path/place path/place path/inner
    source_of vm/vm vm/vm
    printf '#include "%s.h"\n' base/text path/place conf/conf vm/vm >tools/tool.c
    includes="$BATS_TEST_DIRNAME/includes"
    run -0 "$includes"
    [ "$output" = "9 files, no problems found" ]
}

# header NAME COMMENT INCLUDE..., source_of NAME INCLUDE...: files of that house.
header() {
    printf '/* SPDX-License-Identifier: GPL-2.0-or-later */\n/* %s */\n#pragma once\n\n' "$2" >"tools/lib/$1.h"
    includes_of "${@:3}" >>"tools/lib/$1.h"
}
source_of() {
    printf '/* SPDX-License-Identifier: GPL-2.0-or-later */\n' >"tools/lib/$1.c"
    includes_of "${@:2}" >>"tools/lib/$1.c"
}
includes_of() {
    [ $# -eq 0 ] || printf '#include "%s.h"\n' "$@"
}

# said LINE...: these are the problems, and no other.
said() {
    run -1 "$includes"
    diff <(printf '%s\n' "$@") <(echo "$output")
}

@test "an include of a room above, and of one beside, is named" {
    house
    header vm/vm "A VM."
    source_of conf/conf conf/conf vm/vm
    said "tools/lib/conf/conf.c:3: conf/ is not above vm/"

    house
    mkdir tools/lib/qemu
    header qemu/args "Words." conf/conf
    echo '#include "qemu/args.h"' >>tools/tool.c
    said "tools/lib/qemu/args.h:5: qemu/ is not above conf/"
}

@test "a circle is named, with the lines that make it" {
    house
    header path/other "Private to path/. The other." path/inner
    source_of path/inner path/other
    said "a circle: path/inner -> path/other -> path/inner (tools/lib/path/inner.c:2, tools/lib/path/other.h:5)"
}

@test "a private header of another room is named, and one that only its room uses and does not say so" {
    house
    echo '#include "path/inner.h"' >>tools/lib/vm/vm.c
    said "tools/lib/vm/vm.c:3: tools/lib/path/inner.h is private to path/"

    house
    echo '#include "path/inner.h"' >>tools/tool.c
    said "tools/tool.c:5: tools/lib/path/inner.h is private to path/"

    house
    header path/inner "The inside."
    said 'tools/lib/path/inner.h: used by its room alone, and does not say "Private to path/"'
}

@test "a file of 601 lines is named, and none of 600" {
    house
    yes '/* */' | head -n $((600 - $(wc -l <tools/lib/vm/vm.c))) >>tools/lib/vm/vm.c
    run -0 "$includes"
    echo '/* */' >>tools/lib/vm/vm.c
    said "tools/lib/vm/vm.c: 601 lines, 600 at most"
    sed -i '$d' tools/lib/vm/vm.c
    yes '/* */' | head -n 597 >>tools/tool.c
    said "tools/tool.c: 601 lines, 600 at most"
}

@test "a header that promises nothing, a name without a room and a file that lies in none are named" {
    house
    sed -i 2d tools/lib/conf/conf.h
    said "tools/lib/conf/conf.h:1: no comment says what it promises"

    house
    echo '#include "text.h"' >>tools/lib/base/text.c
    said "tools/lib/base/text.c:3: tools/lib/text.h does not exist; a header is named ROOM/NAME.h"

    house
    mkdir tools/lib/cellar
    header cellar/wine "Wine."
    said "tools/lib/cellar/wine.h: no room has the name cellar"
}
