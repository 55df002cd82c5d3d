LAB_PKGS_hoster := libmicrohttpd jansson libcrypto
