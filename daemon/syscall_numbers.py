"""Numbers of system calls on x86-64 and arm64, from the kernel's ``unistd`` headers; None where there is none."""

from typing import Final, Literal

Machine = Literal["x86_64", "aarch64"]

# What no command of a sandbox needs, by what it would reach.
OTHER_PROCESSES: Final[dict[str, tuple[int | None, int | None]]] = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
}
MOUNTS: Final[dict[str, tuple[int | None, int | None]]] = {
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
}
NAMESPACES: Final[dict[str, tuple[int | None, int | None]]] = {"unshare": (272, 97), "setns": (308, 268)}
KERNEL: Final[dict[str, tuple[int | None, int | None]]] = {
    "bpf": (321, 280),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "create_module": (174, None),
    "query_module": (178, None),
    "get_kernel_syms": (177, None),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "iopl": (172, None),
    "ioperm": (173, None),
}
MACHINE: Final[dict[str, tuple[int | None, int | None]]] = {
    "chroot": (161, 51),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "syslog": (103, 116),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "vhangup": (153, 58),
    "nfsservctl": (180, 42),
    "lookup_dcookie": (212, 18),
    "uselib": (134, None),
    "ustat": (136, None),
    "_sysctl": (156, None),
    "modify_ldt": (154, None),
    "fanotify_init": (300, 262),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "io_uring_setup": (425, 425),  # it does what was asked for on a kernel thread, behind every filter's back
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
}
# What a program that only reads does without, and Landlock does not refuse (or did not at first): changes of a file's
# record, and ways to other programs.
CHANGES: Final[dict[str, tuple[int | None, int | None]]] = {
    "truncate": (76, 45),
    "ftruncate": (77, 46),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "removexattrat": (466, 466),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
}
# Allowed or not by their arguments.
CHECKED: Final[dict[str, tuple[int | None, int | None]]] = {
    "clone": (56, 220),
    "clone3": (435, 435),
    "socket": (41, 198),
    "ioctl": (16, 29),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "open": (2, None),
    "openat": (257, 56),
    "openat2": (437, 437),
    "creat": (85, None),
    "mknod": (133, None),
    "mknodat": (259, 33),
}
NEWEST: Final = 466  # of these tables' time; what came later can't be judged
_ALL: Final = OTHER_PROCESSES | MOUNTS | NAMESPACES | KERNEL | MACHINE | CHANGES | CHECKED
_COLUMN: Final[dict[Machine, int]] = {"x86_64": 0, "aarch64": 1}


def number_of(name: str, machine: Machine) -> int | None:
    return _ALL[name][_COLUMN[machine]]


def names() -> list[str]:
    return list(_ALL)
