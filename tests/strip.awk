# C text without comments, and with empty strings and character constants;
# lines stay where they are. Output: FILE:LINE:TEXT
FNR == 1 { comment = 0 }
{
	out = ""
	n = length($0)
	for (i = 1; i <= n; i++) {
		c = substr($0, i, 1)
		two = substr($0, i, 2)
		if (comment) {
			if (two == "*/") {
				comment = 0
				i++
			}
		} else if (two == "/*") {
			comment = 1
			i++
		} else if (two == "//") {
			break
		} else if ((c == "\"" || c == "'") && $0 !~ /^#[ \t]*include/) {
			out = out c c
			for (i++; i <= n && substr($0, i, 1) != c; i++)
				if (substr($0, i, 1) == "\\")
					i++
		} else {
			out = out c
		}
	}
	print FILENAME ":" FNR ":" out
}
