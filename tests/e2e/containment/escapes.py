"""Ways out. Each succeeds outside, which is the control, and must be denied inside for the stated reason.

Scripts know ``$W`` (the workspace), ``$H`` (a home), ``$D`` (oad's data), ``$OTHER`` (another session's workspace),
``$OUT`` (some other directory of the user), ``$VICTIM`` (a process), ``$ABSTRACT`` (a socket's name), ``$SECRET``.
"""

from typing import NamedTuple

READ_ONLY = "Read-only file system"
NOT_PERMITTED = "Operation not permitted"
NOT_THERE = "No such file or directory"
BUSY = "Device or resource busy"

_SYSCALL = """/usr/bin/python3 -c '
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
number, allowed = {numbers}[os.uname().machine], {allowed}
result = libc.syscall(number, *{arguments})
code = ctypes.get_errno()
if result >= 0 or code in allowed: sys.exit(0)
sys.exit(os.strerror(code))'"""


class Escape(NamedTuple):
    """``denied`` is part of what the script says inside, where its exit status is not 0."""

    script: str
    denied: str
    root: bool = False  # only root can do it outside
    needs: str = "/"  # a path that not every kernel has


def python(text: str) -> str:
    return f"/usr/bin/python3 -c '\nimport ctypes, os, socket\n{text}'"


def syscall(x86_64: int, aarch64: int, arguments: str, *, allowed: tuple[int, ...] = ()) -> str:
    """Succeeds also with an errno that shows the kernel looked at the arguments."""
    return _SYSCALL.format(
        numbers={"x86_64": x86_64, "aarch64": aarch64}.__repr__().replace("'", '"'),
        allowed=allowed,
        arguments=arguments,
    )


def connect(address: str) -> str:
    return python(f"socket.socket(socket.AF_UNIX).connect({address})")


def create_with(mode: str) -> str:
    return python(f'os.umask(0); os.close(os.open("new", os.O_CREAT | os.O_WRONLY, {mode}))') + (
        ' && [ "$(stat -c %a new)" = "$(printf %o $((' + mode.replace("0o", "0") + ')))" ]; s=$?; rm -f new; exit $s'
    )


EFAULT, EBADF, EINVAL, ESRCH, ENOENT = 14, 9, 22, 3, 2

FILES = {
    "write a file outside": Escape('echo x > "$OUT/new"', READ_ONLY),
    "append to a startup file": Escape('echo x >> "$H/.bashrc"', READ_ONLY),
    "overwrite in place": Escape('dd if=/dev/zero of="$OUT/file" bs=1 count=1 conv=notrunc', READ_ONLY),
    "truncate": Escape('truncate -s 0 "$OUT/file"', READ_ONLY),
    "remove": Escape('rm "$OUT/file"', READ_ONLY),
    "rename": Escape('mv "$OUT/file" "$OUT/moved"', READ_ONLY),
    "make a directory": Escape('mkdir "$OUT/d"', READ_ONLY),
    "change a mode": Escape('chmod 777 "$OUT/file"', READ_ONLY),
    "change times": Escape('touch -d 2001-01-01 "$OUT/file"', READ_ONLY),
    "through a symlink": Escape('ln -sfn "$OUT" "$W/way" && echo x > "$W/way/new"', READ_ONLY),
    "by a hard link": Escape('ln "$OUT/file" "$W/link"', "Invalid cross-device link"),
    "through /proc/self/root": Escape('echo x > "/proc/self/root$OUT/new"', READ_ONLY),
    "through /proc/self/cwd": Escape('cd "$OUT" && echo x > /proc/self/cwd/new', READ_ONLY),
    "move the workspace away": Escape('cd / && mv "$W" "$W.moved" && mv "$W.moved" "$W"', "cannot"),
}

SECRETS = {
    "read an ssh key": Escape('grep "$SECRET" "$H/.ssh/id_rsa"', NOT_THERE),
    "read a netrc": Escape('grep "$SECRET" "$H/.netrc"', ""),
    "read below .config": Escape('grep -r "$SECRET" "$H/.config/gcloud" || ! echo nothing there', "nothing there"),
    "read a symlinked dotfile": Escape('grep "$SECRET" "$H/.aws/credentials"', NOT_THERE),
    "read where the link leads": Escape('grep "$SECRET" "$H/elsewhere/credentials"', NOT_THERE),
    "plant a key": Escape('echo x > "$H/.ssh/authorized_keys"', READ_ONLY),
    "move the hiding place": Escape('mv "$H/.ssh" "$H/x" && mv "$H/x" "$H/.ssh"', ""),
    "read another session's workspace": Escape('grep "$SECRET" "$OTHER/file"', NOT_THERE),
    "write to another session's workspace": Escape('echo x > "$OTHER/new"', READ_ONLY),
    "read oad's database": Escape('grep "$SECRET" "$D/planted.key"', NOT_THERE),
    "read it through a symlink": Escape('ln -sfn "$D" "$W/data" && grep "$SECRET" "$W/data/planted.key"', NOT_THERE),
    "read the password file": Escape("[ -s /etc/shadow ] && cat /etc/shadow || ! echo empty", "empty", root=True),
}

SOCKETS = {
    "connect to oad's daemon": Escape(connect('os.environ["D"] + "/daemon.sock"'), NOT_THERE),
    "connect to an agent's socket": Escape(connect('os.environ["AGENT"]'), NOT_THERE),
    "connect to an abstract socket": Escape(connect('chr(0) + os.environ["ABSTRACT"]'), NOT_PERMITTED),
    "open a packet socket": Escape(
        python("socket.socket(socket.AF_PACKET, socket.SOCK_RAW)"), "not supported", root=True
    ),
    "open a raw socket": Escape(python("socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)"), NOT_PERMITTED, root=True),
    "listen to the kernel": Escape(python("socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15)"), NOT_PERMITTED),
}

PROCESSES = {
    "see a process of the host": Escape("[ -e /proc/$VICTIM/stat ] || ! echo gone", "gone"),
    "signal it": Escape("kill -0 $VICTIM", "No such process"),
    "trace a process": Escape(
        python("libc = ctypes.CDLL(None, use_errno=True)\nif libc.ptrace(0, 0, 0, 0) < 0: "
               "raise SystemExit(os.strerror(ctypes.get_errno()))"),
        NOT_PERMITTED,
    ),
    "read another's memory": Escape(
        syscall(310, 270, "(os.getpid(), 0, 0, 0, 0, 0)", allowed=(EINVAL,)), NOT_PERMITTED
    ),
    "take another's descriptor": Escape(syscall(438, 438, "(9999, 0, 0)", allowed=(EBADF,)), NOT_PERMITTED),
    "type into the terminal": Escape(
        python('import fcntl, pty\npid, fd = pty.fork()\nif pid == 0:\n    try: fcntl.ioctl(0, 0x5412, b"x")\n'
               "    except OSError as e: os.write(1, str(e).encode()); os._exit(9)\n    os._exit(0)\n"
               "try: print(os.read(fd, 1000).decode())\nexcept OSError: pass\n"
               "raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))"),
        NOT_PERMITTED,
    ),
}  # fmt: skip

KERNEL = {
    "new user namespace": Escape("unshare -U true", NOT_PERMITTED),
    "new user namespace by clone": Escape(syscall(56, 220, "(0x10000000 | 17, 0, 0, 0, 0)"), NOT_PERMITTED),
    "new user namespace by clone3": Escape(syscall(435, 435, "(0, 0)", allowed=(EINVAL,)), "not implemented"),
    "new mount namespace": Escape("unshare -m true", NOT_PERMITTED, root=True),
    "enter a namespace": Escape(syscall(308, 268, "(-1, 0)", allowed=(EBADF,)), NOT_PERMITTED),
    "mount": Escape("unshare -m mount -t tmpfs none /mnt", NOT_PERMITTED, root=True),
    "open a file system": Escape(
        python("libc = ctypes.CDLL(None, use_errno=True)\nif libc.syscall(430, b\"tmpfs\", 0) < 0: "
               "raise SystemExit(os.strerror(ctypes.get_errno()))"),
        NOT_PERMITTED,
        root=True,
    ),
    "change the root": Escape("chroot / true", NOT_PERMITTED, root=True),
    "make a device": Escape("mknod dev c 1 3; s=$?; rm -f dev; exit $s", NOT_PERMITTED, root=True),
    "read a disk": Escape("d=$(find /dev -type b | head -1); [ -n \"$d\" ] && head -c1 $d", "", root=True),
    "make a setuid file": Escape("touch s && chmod u+s s; s=$?; rm -f s; exit $s", NOT_PERMITTED),
    "make a setgid file": Escape("touch s && chmod g+s s; s=$?; rm -f s; exit $s", NOT_PERMITTED),
    "create a file setuid": Escape(create_with("0o4755"), NOT_PERMITTED),
    "take a setuid program along": Escape("cp -p /usr/bin/passwd p; [ -u p ]; s=$?; rm -f p; exit $s", "", root=True),
    "set the core pattern": Escape(
        "p=/proc/sys/kernel/core_pattern; cat $p > /dev/shm/p.$$; cat /dev/shm/p.$$ > $p", READ_ONLY, root=True
    ),
    "set another kernel setting": Escape(
        "p=/proc/sys/kernel/printk; v=$(cat $p); echo $v > $p", READ_ONLY, root=True
    ),
    "press sysrq": Escape("echo h > /proc/sysrq-trigger", READ_ONLY, root=True, needs="/proc/sysrq-trigger"),
    "write to /sys": Escape(
        "p=$(find /sys/kernel/mm /sys/module -maxdepth 4 -type f -perm -200 2>/dev/null | head -1);"
        ' v=$(cat "$p"); echo "$v" > "$p"',
        READ_ONLY,
        root=True,
    ),
    "read the kernel's log": Escape("dmesg", "", root=True),
    "rename the host": Escape("hostname \"$(hostname)\"", "", root=True),
    "watch the processors": Escape(syscall(298, 241, "(0, 0, -1, -1, 0)", allowed=(EFAULT, 13)), NOT_PERMITTED),
    "use io_uring": Escape(syscall(425, 425, "(1, 0)", allowed=(EFAULT,)), NOT_PERMITTED),
    "load a program into the kernel": Escape(syscall(321, 280, "(99, 0, 0)", allowed=(EINVAL,)), NOT_PERMITTED),
    "handle page faults": Escape(syscall(323, 282, "(1,)", allowed=(EINVAL, 38)), NOT_PERMITTED),
    "keep a key in the kernel": Escape(
        syscall(248, 217, '(b"user", b"oad-test", b"x", 1, -1)', allowed=()), NOT_PERMITTED
    ),
    "open by handle": Escape(syscall(304, 265, "(-1, 0, 0)", allowed=(EFAULT, EBADF)), NOT_PERMITTED, root=True),
    "gain capabilities": Escape(
        "grep -q 'CapEff:.*[1-9a-f]' /proc/self/status || ! echo none", "none", root=True
    ),
}  # fmt: skip

PROJECT = {
    "plant a git hook": Escape("echo x > .git/hooks/pre-commit", READ_ONLY),
    "change git's configuration": Escape("git config core.fsmonitor /tmp/evil", BUSY),
    "append to git's configuration": Escape("echo x >> .git/config", READ_ONLY),
    "exchange the repository": Escape("mv .git g && cp -r g .git && echo x > .git/hooks/pre-commit", BUSY),
    "remove the hooks": Escape("rm -r .git/hooks", READ_ONLY),
    "change opencode's configuration": Escape("echo x > opencode.json", READ_ONLY),
    "replace it": Escape("echo x > o && mv -f o opencode.json", BUSY),
    "plant a plugin": Escape("echo x > .opencode/plugin/new.js", READ_ONLY),
}

ESCAPES = {
    f"{group}: {name}": escape
    for group, escapes in {
        "files": FILES, "secrets": SECRETS, "sockets": SOCKETS, "processes": PROCESSES, "kernel": KERNEL,
        "project": PROJECT,
    }.items()
    for name, escape in escapes.items()
}  # fmt: skip
