"""What clients may not run directly, as data. Names are without a path; of a command every disguise is tried that
``decision`` can see through. This keeps mistakes and the plainest attacks away: the sandbox is what holds."""

import re
from typing import Final

# Roots whose loss, or whose change of mode or owner, costs the system or the user's home.
SYSTEM_PLACES: Final = frozenset(
    {"/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/opt", "/proc", "/root", "/run", "/sbin", "/srv"}
    | {"/sys", "/usr", "/usr/bin", "/usr/lib", "/usr/local", "/usr/sbin", "/var", "/var/lib", "/var/log"}
)

# By name of the program, whatever its arguments: the rule's name.
PROGRAMS: Final[dict[str, str]] = {
    **dict.fromkeys(("sudo", "su", "doas", "pkexec", "run0", "gosu"), "other-user"),
    **dict.fromkeys(("shutdown", "reboot", "halt", "poweroff", "kexec", "telinit"), "power"),
    **dict.fromkeys(("mkswap", "wipefs", "blkdiscard", "fdisk", "sfdisk", "parted", "cryptsetup"), "disks"),
    **dict.fromkeys(("insmod", "rmmod", "modprobe"), "kernel-modules"),
    **dict.fromkeys(("mount", "umount", "pivot_root", "chroot", "unshare", "nsenter", "setns"), "namespaces"),
    **dict.fromkeys(("useradd", "userdel", "usermod", "passwd", "chpasswd", "visudo"), "accounts"),
    **dict.fromkeys(("iptables", "ip6tables", "nft", "ufw"), "firewall"),
}
PROGRAM_PREFIXES: Final = {"mkfs.": "disks"}
PROGRAMS_EXACT: Final = {"mkfs": "disks"}
INIT_LEVELS: Final = frozenset({"0", "1", "6"})
SYSTEMCTL_POWER: Final = frozenset(
    {"poweroff", "reboot", "halt", "kexec", "suspend", "hibernate", "emergency", "rescue"}
)

DOWNLOADERS: Final = frozenset({"curl", "wget", "fetch", "aria2c"})
INTERPRETERS: Final = frozenset(
    {"sh", "bash", "dash", "zsh", "ksh", "ash", "fish", "python", "python3", "perl", "ruby", "node", "php"}
)
NETCATS: Final = frozenset({"nc", "ncat", "netcat", "socat"})
NETCAT_EXECUTES: Final = re.compile(r"-[a-zA-Z]*[ec]|--(exec|sh-exec|lua-exec)(=.*)?|(EXEC|SYSTEM):.*", re.IGNORECASE)
DEVICES: Final = re.compile(r"/dev/(sd|hd|vd|xvd|nvme|mmcblk|loop|dm-|md|mapper/|disk/|ram|mem|kmem|port).*")
# Anywhere in the text: no simple command shows these.
TEXTS: Final = {
    "fork-bomb": re.compile(r"(?<![\w:.])([\w:.]{1,64})\s*\(\)\s*\{[^}]{0,99}?\1\s*\|\s*\1\s*&[^}]{0,99}\}\s*;?\s*\1"),
    "remote-shell": re.compile(r"/dev/(tcp|udp)/[^\s/]+/\d+"),
    "kernel-switches": re.compile(r">\s*/proc/(sysrq-trigger|sys/)"),
}
EXPLANATIONS: Final = {
    "other-user": "it becomes another user",
    "power": "it stops the machine",
    "disks": "it writes to disks or their tables",
    "kernel-modules": "it changes the kernel",
    "namespaces": "it changes mounts or namespaces",
    "accounts": "it changes accounts",
    "firewall": "it changes the firewall",
    "system-removal": "it removes a system or home directory",
    "system-modes": "it changes modes or owners of a system or home directory",
    "remote-code": "it runs what it downloads",
    "remote-shell": "it connects a shell to the network",
    "fork-bomb": "it multiplies without end",
    "kernel-switches": "it writes to switches of the kernel",
    "not-allowed": "it is not in the list of allowed commands",
    "not-understood": "it can't be taken apart",
}
