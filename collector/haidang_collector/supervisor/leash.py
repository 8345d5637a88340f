"""Becomes the program it is given, on a leash: Linux sends it SIGTERM when its parent is gone, however that went.

Run as a file by a bare interpreter, so that nothing has to happen between fork and exec in a process with threads.
Arguments: the parent's process id, by how much it is to be nicer than that, then the command.
"""

import ctypes
import os
import signal
import sys
import time

PR_SET_PDEATHSIG = 1
"""prctl(2); it outlives execve(2)."""
CANNOT_RUN = 127
TRIES, TRY_AGAIN_SECONDS = 10, 0.1


def is_held(parent: int) -> bool:
    """Puts this process on the leash of its parent. False: that one is gone already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    return os.getppid() == parent


def step_back(niceness: int) -> None:
    """Behind other sessions too, which else have the same share each (sched(7), "The autogroup feature").

    A kernel without that has no such file; it lets unprivileged users set one of them a tenth of a second.
    """
    if not niceness:
        return
    os.nice(niceness)
    for _ in range(TRIES):
        try:
            with open("/proc/self/autogroup", "w", encoding="ascii") as autogroup:  # noqa: PTH123
                autogroup.write(str(niceness))
        except BlockingIOError:
            time.sleep(TRY_AGAIN_SECONDS)
        except OSError:
            return
        else:
            return


def main() -> None:
    """Returns only by SystemExit, and only where the command cannot be run."""
    parent, niceness, *command = sys.argv[1:]
    if not is_held(int(parent)):
        raise SystemExit(CANNOT_RUN)
    step_back(int(niceness))
    try:
        os.execvp(command[0], command)  # noqa: S606 - the supervisor names it
    except OSError as failed:
        sys.stderr.write(f"{command[0]} cannot be run: {failed.strerror}\n")
        raise SystemExit(CANNOT_RUN) from None


if __name__ == "__main__":
    main()
