LAB_PKGS_pve := openssl jansson libpcre2-8
LAB_ALSO_pve := tests/lab/common.c
