LAB_PKGS_pve := openssl jansson libpcre2-8
