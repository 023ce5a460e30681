"""The README's blocks of commands, and the terminal that they are typed in."""

import os
import re
import subprocess

from cluster import TOP

END = "-- end of output --"


def blocks(heading, edit):
    """The blocks of commands under the README's `heading` ("## Tutorial"), after edit(text): each a
    list of [command, its standard input, what it prints]."""
    with open(os.path.join(TOP, "README.md"), encoding="utf-8") as file:
        text = edit(file.read())
    level = heading.split(" ", 1)[0]
    section = re.search(rf"^{re.escape(heading)}\n(.*?)^#{{2,{len(level)}}} ", text, re.M | re.S)[1]
    found = []
    for block in re.findall(r"^```console\n(.*?)^```", section, re.M | re.S):
        commands = []
        for line in re.sub(r"\\\n *", "", block).splitlines():
            if line.startswith("$ "):
                commands.append([line[2:], "", ""])
            elif prompt := re.match(r"\w+> (.*)", line):
                commands[-1][1] += prompt[1] + "\n"
            else:
                commands[-1][2] += line + "\n"
        found.append(commands)
    return found


class Terminal:
    """One bash with job control, as a person has in front of them. `errors`: what comes on standard
    error is looked at, too."""

    def __init__(self, directory=TOP, errors=False):
        self.redirect = "2>&1 " if errors else ""
        self.process = subprocess.Popen(["bash"], cwd=directory, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, start_new_session=True)
        self.process.stdin.write("set -m\n")
        self.running = None
        self.printed = ""

    def begin(self, command, given=""):
        self.running = command
        self.printed = ""
        self.process.stdin.write(
            f"{{ {command}\n}} {self.redirect}<<'GIVEN'\n{given}GIVEN\necho '{END}'\n")
        self.process.stdin.flush()

    def read_until(self, begins):
        """Until a line begins so."""
        for line in self.process.stdout:
            if line.startswith(begins):
                return line
            self.printed += line.replace("\r\n", "\n")
        raise EOFError(f"the shell ended during: {self.running}")

    def finish(self):
        """What the command prints."""
        self.read_until(END)
        return self.printed

    def run(self, command, given=""):
        self.begin(command, given)
        return self.finish()

    def end(self):
        """Ends everything that was started here, directly or not, but for what has begun a session
        of its own."""
        for pid in session(self.process.pid):
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass
        self.process.wait()


def session(leader):
    """The processes that a shell has started, and itself."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
                if int(stat.read().rpartition(")")[2].split()[3]) == leader:
                    found.append(int(pid))
        except FileNotFoundError:
            pass  # ended meanwhile
    return found
