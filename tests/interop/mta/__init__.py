"""Mail servers of other projects, unpacked from Debian's packages and run beside each other without installing any."""
