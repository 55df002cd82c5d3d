# shellcheck shell=bash
# shellcheck disable=SC2154 # work is set by who sources it
# disks.sh: disks that vmferry must not take for what they are not: encrypted,
# damaged, without a system; and what looks like a Windows: NTFS with a
# registry, and nothing that runs. Sourced after lib.sh.

# LUKS1's header by its first fields (magic, version, cipher).
make_luks() {
  truncate -s 16M "$1"
  printf 'LUKS\xba\xbe\x00\x01aes' | dd of="$1" conv=notrunc status=none
}

# BitLocker's header of Windows 7 and later, and the first block of its
# metadata where the header says that it is (libbde's description of both).
make_bitlocker() {
  truncate -s 16M "$1"
  printf '\xeb\x58\x90-FVE-FS-' | dd of="$1" conv=notrunc status=none
  printf '\0\0\1\0\0\0\0\0' | dd of="$1" bs=1 seek=176 conv=notrunc status=none
  printf -- '-FVE-FS-\x40\0\2\0' | dd of="$1" bs=64k seek=1 conv=notrunc status=none
}

# The ext4 of the lab's guest with its first inode tables gone.
make_damaged() {
  truncate -s 32M "$1"
  mke2fs -q -t ext4 -F "$1"
  dd if=/dev/urandom of="$1" bs=4096 seek=1 count=400 conv=notrunc status=none
}

make_unknown() {
  truncate -s 32M "$1"
  mke2fs -q -t ext4 -F "$1"
}

# --- Windows -----------------------------------------------------------------

# hive FILE TEXT: a registry hive with those keys; the empty one is a header
# and a bin with its root, that key's security, and free space.
hive() {
  perl -e 'my $d = "\0" x 8192;
    sub put { substr($d, $_[0], length $_[1]) = $_[1] }
    put(0, "regf" . pack("V*", 1, 1, 0, 0, 1, 3, 0, 1, 32, 4096, 1));
    my $x = 0;
    $x ^= $_ for unpack("V127", $d);
    put(508, pack("V", $x));
    put(4096, "hbin" . pack("V*", 0, 4096));
    put(4128, pack("V a2 v V*", -88 & 0xffffffff, "nk", 0x2c, 0, 0, 0, 0, 0,
      0, -1 & 0xffffffff, -1 & 0xffffffff, 0, -1 & 0xffffffff, 120,
      -1 & 0xffffffff, 0, 0, 0, 0, 0, 4) . "root");
    put(4216, pack("V a2 v V* C", -48 & 0xffffffff, "sk", 0, 120, 120, 1, 20,
      1));
    put(4264, pack("V", 3928));
    print $d' >"$1"
  printf 'Windows Registry Editor Version 5.00\n%b' "$2" >"$1.reg"
  hivexregedit --merge --encoding ASCII "$1" "$1.reg" || fail "hive $1"
  rm "$1.reg"
}

# ntfs FILE SIZE SYSTEM SOFTWARE: NTFS with these two hives (text for hive),
# marked clean. Fails where there is no FUSE.
ntfs() {
  local at=$work/mnt config
  truncate -s "$2" "$1"
  mkntfs -q -F -Q -s 512 -p 2048 -H 255 -S 63 "$1" >/dev/null
  mkdir -p "$at"
  ntfs-3g "$1" "$at" || return 1
  config=$at/Windows/System32/config
  mkdir -p "$config" "$at/Windows/System32/drivers"
  : >"$at/Windows/System32/drivers/storahci.sys"
  hive "$work/SYSTEM" "$3"
  hive "$work/SOFTWARE" "$4"
  cp "$work/SYSTEM" "$work/SOFTWARE" "$config"
  umount "$at"
}

windows_system='\n[\\Select]\n"Current"=dword:00000001
\n[\\ControlSet001]\n\n[\\ControlSet001\\Services]
\n[\\ControlSet001\\Services\\storahci]\n"Start"=dword:00000000
\n[\\ControlSet001\\Services\\VMTools]\n"Start"=dword:00000002\n'

# windows_software NAME VERSION BUILD [MORE]
windows_software() {
  printf '%s' '\n[\\Microsoft]\n\n[\\Microsoft\\Windows NT]
\n[\\Microsoft\\Windows NT\\CurrentVersion]
"ProductName"="'"$1"'"\n"CurrentVersion"="'"$2"'"
"CurrentBuild"="'"$3"'"\n'"${4:-}"
}
