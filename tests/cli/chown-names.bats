# What status prints can be pasted: as --disk of drop, whatever bytes a path has.

load chown.bash

@test "each path that status prints is one that drop takes, in a shell" {
    local name printed work=$fs/names
    mkdir -p "$work"
    for name in plain 'with blank' "it's" $'new\nline' $'\xff\xfe' $'esc\033[1m' 'back\slash' 'dollar$HOME' 'star*' 'a\x41b' 'grün'; do
        echo x >"$work/$name"
        virt-priv-chown claim --name names --disk "${work}/plain"
        [ "$name" = plain ] || virt-priv-chown add --name names --disk "$work/$name" || { echo "not added: $name" && return 1; }
        printed=$(timeout 60 virt-priv-chown status | sed -n "s|^.* \(\$\?'\?$work/\)|\1|p" | grep -vx "$work/plain" || true)
        bash -c "virt-priv-chown drop --name names --disk ${printed:-$work/plain}" || { echo "for: $name: $printed" && return 1; }
        [ "$(stat -c %U "$work/$name")" = root ]
        virt-priv-chown release --name names
        rm "$work/$name"
        echo x >"$work/plain"
    done
    # The same of a path that is asked for.
    echo x >"$work/grün"
    run -0 timeout 60 virt-priv-chown status "$work/grün"
    [[ ${lines[1]} == *"\$'$work/gr\\xc3\\xbcn'" ]]
}
