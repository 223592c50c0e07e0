import subprocess
import sys


def test_importing_and_preparing_start_nothing() -> None:
    program = (
        "import threading, os\n"
        "from oad.workers.providers import demo, registry, warm\n"
        "import sys\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
        "assert 'anthropic' not in sys.modules and 'genai_prices' not in sys.modules\n"
        "def kind(fd):\n"
        "    try: return os.readlink(f'/proc/self/fd/{fd}')\n"
        "    except FileNotFoundError: return ''\n"
        "assert not any('socket' in kind(fd) or 'epoll' in kind(fd) for fd in range(3, 100))\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
