LAB_PKGS_esxi-https := libmicrohttpd libcrypt
