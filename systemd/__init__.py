"""The units of the service, as files; ``oad service install`` puts them where systemd looks."""
