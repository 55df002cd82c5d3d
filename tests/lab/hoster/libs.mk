LAB_PKGS_hoster := libmicrohttpd jansson libcrypto
LAB_ALSO_hoster := tests/lab/common.c
