# Runs in a chroot without libraries.
LAB_LDFLAGS_esxi := -static -no-pie
