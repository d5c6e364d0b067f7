#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The pages that `go tool trace` serves of a trace show what the program did.

test-timeout: 300
test-labels: slow

trace_pages.c is that program: so many goroutines of each function, so many waits of each kind, tasks and regions. The list of
goroutines, the processors' view, the four profiles, tasks and regions are fetched and compared with it, and every page
that these lead to has to be there. A busy machine may make a wait needless: so it is run again, until it is as planned.
"""
import gzip
import html
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request

import _trace

MOST_PAGES = 150
GOROUTINES = {"app": 1, "network_reader": 1, "network_writer": 1, "channel_receiver": 1, "channel_sender": 1,
              "system_caller": 1, "request_server": 1, "crowd_member": 40}
# A page, the function below which the time was spent, the call that it waited in, how often, and for how long at least (ms).
PROFILES = [("io", "network_reader", "rung_read", 6, 15), ("block", "channel_receiver", "rung_recv", 5, 12),
            ("syscall", "system_caller", "rung_blocking_begin", 4, 9), ("sched", "app", "rung_chan_close", 40, 15)]
REQUESTS = 7


class Server:
    """`go tool trace`, serving one file; as a context."""

    def __init__(self, go, path):
        self.process = subprocess.Popen([go, "tool", "trace", "-http=127.0.0.1:0", path], text=True, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
                                        env=dict(os.environ, BROWSER="true", GOTOOLCHAIN="local", GOFLAGS=""))
        self.address = None

    def __enter__(self):
        said = ""
        for line in self.process.stderr:
            said += line
            match = re.search(r"listening on (http://\S+)", line)
            if match:
                self.address = match[1]
                break
        if self.address is None:
            self.stop()
            sys.exit("go tool trace does not serve: " + said[-600:])
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        try:
            os.killpg(self.process.pid, 15)  # `go`, and the tool that it runs
        except ProcessLookupError:
            pass

    def fetch(self, page):
        with urllib.request.urlopen(urllib.parse.urljoin(self.address, page), timeout=250) as answer:
            return answer.read()

    def text(self, page):
        return self.fetch(page).decode()


def cells(text):
    """The table's rows, each a list of what its cells say."""
    for row in re.findall(r"<tr>(.*?)(?=<tr>|</table>)", text, re.DOTALL):
        yield [html.unescape(re.sub(r"<[^>]*>", " ", cell)).strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)]


def judge_goroutines(server):
    found = {row[0]: int(row[1]) for row in cells(server.text("/goroutines")) if len(row) == 3}
    if found != GOROUTINES:
        yield f"goroutines: {found}, planned were {GOROUTINES}"
    crowd = server.text("/goroutine?name=crowd_member")
    if len(set(re.findall(r"/trace\?goid=(\d+)", crowd))) != GOROUTINES["crowd_member"]:
        yield "goroutine: not every member of the crowd has a row"
    for words in ("Execution Time", "Sync block", "Sched wait"):
        if words.lower() not in crowd.lower():
            yield f"goroutine: nothing is said of {words}"


def samples(go, server, page, directory):
    """A profile as pprof reads it: (count, nanoseconds, [functions, leaf first])."""
    path = os.path.join(directory, "profile")
    with open(path, "wb") as file:
        file.write(server.fetch(page))
    with gzip.open(path):  # a page that says what is wrong is no profile
        text = subprocess.run([go, "tool", "pprof", "-raw", path], text=True, capture_output=True, check=True).stdout
    names = {match[1]: match[2] for match in re.finditer(r"^\s+(\d+): 0x\w+ (?:M=\d+ )?(\S+)", text, re.MULTILINE)}
    for match in re.finditer(r"^\s+(\d+)\s+(\d+): ([\d ]+)$", text, re.MULTILINE):
        yield int(match[1]), int(match[2]), [names.get(number, "?") for number in match[3].split()]


def judge_profiles(go, server, directory):
    for page, function, call, count, least_ms in PROFILES:
        found = [0, 0]
        for of_all in samples(go, server, f"/{page}?raw=1", directory):
            if function in of_all[2] and call in of_all[2]:
                found = [found[0] + of_all[0], found[1] + of_all[1]]
        if found[0] != count or found[1] < least_ms * 1e6:
            yield f"{page}: {function} waits in {call} {found[0]} times, {found[1] / 1e6:.1f} ms; planned: {count}, {least_ms} ms"
        if page != "sched" and any("crowd_member" in stack for _, _, stack in
                                   samples(go, server, f"/{page}?name={function}&raw=1", directory)):
            yield f"{page}: what others did is told of {function}"


def judge_processors(server):
    events = json.loads(server.fetch("/jsontrace?view=proc"))["traceEvents"]
    rows = {event["args"]["name"] for event in events if event.get("name") == "thread_name"}
    slices = {event["name"] for event in events if event["ph"] == "X"}
    if not {"Proc 0", "Proc 1"} <= rows:
        yield f"proc view: rows {sorted(rows)}"
    for function, count in GOROUTINES.items():
        ran = [name for name in slices if re.fullmatch(rf"G\d+ {function}", name)]
        if len(ran) != count:
            yield f"proc view: {len(ran)} goroutines of {function} ran"
    arrows = sum(event["ph"] == "s" and event["name"] == "unblock (network)" for event in events)
    if arrows != 6:  # the viewer draws none that begin on processor 0
        yield f"proc view: {arrows} arrows lead from the network to who has waited for it"
    if sum(event["name"] == "[planned] message" for event in events) != REQUESTS:
        yield "proc view: not each line of the log is there"
    if "trace_viewer" not in server.text("/trace?view=proc"):
        yield "proc view: no viewer"


def judge_tasks(server):
    found = {row[0]: row[1] for row in cells(server.text("/usertasks")) if len(row) >= 2}
    if found.get("request") != str(REQUESTS):
        yield f"tasks: {found}"
    task = html.unescape(server.text("/usertask?type=request"))
    for line in ('region "parse" begin', 'region "reply" begin', 'region "reply" end', 'log "message"', "(complete)"):
        if task.count(line) != REQUESTS:
            yield f"task: {line} is there {task.count(line)} times"
    regions = {row[0].split()[0]: row for row in cells(server.text("/userregions")) if len(row) >= 2 and row[0]}
    for name in ("parse", "reply"):
        row = regions.get(f'"{name}"', ["", ""])
        if row[1] != str(REQUESTS) or "request_server" not in row[0]:
            yield f"regions: {name}: {row}"


def judge_links(server):
    """Each page that can be reached is there. Graphs are drawn by graphviz, which need not be."""
    seen, waiting = set(), ["/", "/goroutines", "/usertasks", "/userregions"]
    while waiting and len(seen) < MOST_PAGES:
        page = waiting.pop()
        if page in seen or re.match(r"/(io|block|syscall|sched|region\w+)\b(?!.*raw=1)|/(static|mmu|debug)", page):
            continue
        seen.add(page)
        try:
            body = server.fetch(page)
        except urllib.error.HTTPError as error:
            yield f"{page}: {error}: {error.read()[:200]}"
            continue
        for link in re.findall(rb"href=\"?(/[^\">]*)", body) if not body.startswith(b"\x1f\x8b") else []:
            waiting.append(urllib.parse.quote(html.unescape(link.decode()), safe="/?&=%+"))
    print(f"{len(seen)} pages fetched")


def look(go, judge, directory):
    """What is wrong with the pages of one run, as sentences."""
    path = os.path.join(directory, "trace")
    program = os.path.join(os.environ["RUNG_BUILD"], "tests", "judge", "trace_pages")
    subprocess.run([program], env=dict(os.environ, RUNG_TRACE=path, RUNG_PROCS="2"), check=True)
    good, bad = _trace.judge(judge, [path])
    if good != 1:
        return bad
    with Server(go, path) as server:
        return [*judge_goroutines(server), *judge_profiles(go, server, directory), *judge_processors(server),
                *judge_tasks(server), *judge_links(server)]


def main():
    judge = _trace.need()
    for attempt in itertools.count():
        with tempfile.TemporaryDirectory() as directory:
            wrong = look(_trace.go_command(), judge, directory)
        if not wrong:
            print("goroutines, processors, network, sync, syscall and scheduler profiles, tasks and regions as planned" +
                  (f", in attempt {attempt + 1}" if attempt else ""))
            return 0
        print("\n".join(wrong), flush=True)


if __name__ == "__main__":
    sys.exit(main())
