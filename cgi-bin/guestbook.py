#!/usr/bin/env python3
# A guestbook in SQLite, for CGI and for WSGI
# shows: what must outlive the process goes into a database; POST, then 303, so that reload does not post twice
# §: RFC 3875 §4.2, §9.7, PEP 3333
# try: curl -i -d 'name=Ada&text=Hello' localhost:8000/cgi-bin/guestbook.py
import os, sqlite3
from contextlib import closing, suppress
from html import escape
from pathlib import Path
from urllib.parse import parse_qs
from wsgiref.handlers import CGIHandler

os.umask(0o077)
# Kept beside the script directory, where no URL leads; EXERCISE_DATA names another place.
data = Path(os.environ.get("EXERCISE_DATA") or Path(__file__).resolve().parent.parent / "data")
data.mkdir(exist_ok=True)

def open_book(): return closing(sqlite3.connect(data / "guestbook.db", timeout=20, isolation_level=None))  # waits for others that write

with open_book() as book:  # once in the life of a worker, and with CGI once a request
    with suppress(sqlite3.OperationalError):  # when two open a new book at once, one of them does this for both
        book.execute("PRAGMA journal_mode = WAL")  # who reads does not wait at all
    book.execute("CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY, at TEXT DEFAULT CURRENT_TIMESTAMP, name TEXT, text TEXT)")

def application(environ, start_response):
    with open_book() as book:
        if environ["REQUEST_METHOD"] == "POST":
            form = parse_qs(environ["wsgi.input"].read(min(int(environ.get("CONTENT_LENGTH") or 0), 16384)).decode("ascii", "replace"))
            name, text = (form.get(field, [""])[0].strip()[:bound] for field, bound in (("name", 40), ("text", 500)))
            if text:  # the ? keep data and command apart: no name can become SQL
                book.execute("INSERT INTO entry (name, text) VALUES (?, ?)", (name or "somebody", text))
            start_response("303 See Other", [("Location", environ["SCRIPT_NAME"] or "/"), ("Content-Type", "text/plain")])
            return []
        entries = book.execute("SELECT at, name, text FROM entry ORDER BY id DESC LIMIT 50").fetchall()
        total = book.execute("SELECT count(*) FROM entry").fetchone()[0]
    shown = "\n".join(f"<li><b>{escape(name)}</b> <time>{at} UTC</time><p>{escape(text)}</p></li>" for at, name, text in entries)
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store")])
    return [f"""<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="/style.css"><title>Guestbook</title><main class="plain"><h1>Guestbook</h1>
<form method="post"><p><label>Name <input name="name" maxlength="40" autocomplete="name"></label></p>
<p><label>Words <textarea name="text" maxlength="500" required></textarea></label></p><p><button>Sign</button></p></form>
<p>{total} entries</p><ul class="entries">{shown}</ul></main>""".encode("utf-8", "replace")]

if __name__ == "__main__":  # run by CGI; cgi-serve --wsgi /guestbook=cgi-bin/guestbook.py imports it, once for many requests
    CGIHandler().run(application)
