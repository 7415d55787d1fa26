"""Where do databases lie: configuration, lanes, roots, engines, Lustre."""
