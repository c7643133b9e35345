"""An SMTP server that prints every message it gets as one line of JSON. Argument: the port on 127.0.0.1."""
import email
import email.policy
import json
import signal
import sys

from aiosmtpd.controller import Controller


class Printer:
    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        text = message.get_body(("plain",))
        html = message.get_body(("html",))
        print(json.dumps({
            "to": envelope.rcpt_tos[0],
            "from": envelope.mail_from,
            "subject": message["subject"],
            "text": text.get_content() if text else "",
            "html": html.get_content() if html else "",
        }), flush=True)
        return "250 OK"


Controller(Printer(), hostname="127.0.0.1", port=int(sys.argv[1])).start()
print("ready", flush=True)
signal.pause()
