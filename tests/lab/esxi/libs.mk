# Runs in a chroot without libraries: static, which no sanitizer can be.
LAB_LDFLAGS_esxi := -static -no-pie
$(B)/lab-esxi: override SAN :=
