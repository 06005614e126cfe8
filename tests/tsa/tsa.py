#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A time-stamping authority on loopback: `openssl ts -reply` behind HTTP (RFC 3161 section 3.4).

usage: tsa.py FOLDER; FOLDER holds tsa.cnf and what it names.  Prints its port.
"""
import http.server
import os
import subprocess
import sys
import tempfile


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with tempfile.TemporaryDirectory() as folder:
            query, reply = os.path.join(folder, "q"), os.path.join(folder, "r")
            with open(query, "wb") as file:
                file.write(body)
            subprocess.run(["openssl", "ts", "-reply", "-config", "tsa.cnf", "-queryfile", query,
                            "-out", reply], check=True, stderr=subprocess.DEVNULL)
            with open(reply, "rb") as file:
                answer = file.read()
        self.send_response(200 if self.path == "/tsa" else 404)
        self.send_header("Content-Type", "application/timestamp-reply")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


os.chdir(sys.argv[1])
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
