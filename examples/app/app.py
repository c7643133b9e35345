#!/usr/bin/env python3
"""A small app without sign-in. It greets the user that the proxy names in Remote-User. Usage: python3 app.py [port]"""
import html
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class App(BaseHTTPRequestHandler):
    def do_GET(self):
        user = html.escape(self.headers.get("Remote-User", "nobody"))
        page = f"<!DOCTYPE html><title>App</title><h1>Hello {user}</h1><p id=\"path\">{html.escape(self.path)}</p>".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    do_POST = do_GET

    def log_message(self, *_):
        pass


port = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
# Loopback only, so that clients cannot bypass the proxy.
ThreadingHTTPServer(("127.0.0.1", port), App).serve_forever()
