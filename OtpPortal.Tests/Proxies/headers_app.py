"""A WSGI app that answers with the headers as it reads them. python3 headers_app.py PORT"""
import json
import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({name: value for name, value in environ.items() if name.startswith("HTTP_")}).encode()]


make_server("127.0.0.1", int(sys.argv[1]), app, Server, Quiet).serve_forever()
